/**
 * Makes records of the JSON that the HTTP API answers with. What is missing or has another shape
 * gets a default.
 */
import type { Block, FoundRoom, Invitation, MessageRequest, Retention, Role, RoomInfo, User } from './records.ts';

export function room(r: Record<string, unknown>): RoomInfo {
  return {
    id: text(r['id']), name: text(r['name']), topic: text(r['topic']), private: r['private'] === true,
    ...rules(r), direct: r['direct'] === true, ...(text(r['with']) && { with: text(r['with']) }), ...group(r), role: text(r['role']) as Role, member: r['member'] === true || text(r['role']) !== '',
    ...(typeof r['since'] === 'number' && { since: r['since'] }), ...(r['request'] === 'sent' && { waiting: true }),
  };
}
/** Of a group, whose ids begin with g-, who is in it. */
function group(r: Record<string, unknown>): Pick<RoomInfo, 'people'> {
  return text(r['id']).startsWith('g-') ? { people: objects(r, 'people').map((p) => ({ id: text(p['user']), name: text(p['name']) })) } : {};
}
export const messageRequest = (r: Record<string, unknown>): MessageRequest => ({
  room: text(r['room']), user: text(r['user']), name: text(r['name']), count: Number(r['count']) || 0, since: time(r['since']),
});
export const invitation = (i: Record<string, unknown>): Invitation => ({
  room: text(i['room']), roomName: text(i['room_name']), private: i['private'] === true, by: text(i['by']), byName: text(i['by_name']),
});
export const block = (b: Record<string, unknown>): Block => ({ user: text(b['user']), name: text(b['name']), kind: b['kind'] === 'ignore' ? 'ignore' : 'block' });

/** What of a room's description says who may write, and how often. */
export function rules(r: Record<string, unknown>): Pick<RoomInfo, 'slow' | 'announce' | 'guests' | 'versions' | 'archived' | 'muted' | 'kept'> {
  const muted = r['muted'] === undefined ? undefined : object(r['muted']);
  return {
    ...(typeof r['slow'] === 'number' && r['slow'] > 0 && { slow: r['slow'] }),
    ...(typeof r['archived'] === 'number' && r['archived'] > 0 && { archived: true }),
    ...(text(r['announce']) && { announce: text(r['announce']) }),
    ...(r['guests'] === false && { guests: false }),
    ...(r['versions'] === false && { versions: false }),
    ...(r['kept'] !== undefined && { kept: retention(object(r['kept'])) }),
    ...(muted && { muted: { reason: text(muted['reason']), ...until(muted) } }),
  };
}
const above = (key: 'days' | 'count' | 'least', v: unknown): Partial<Retention> => (typeof v === 'number' && v > 0 ? { [key]: v } : {});
const retention = (r: Record<string, unknown>): Retention => ({
  ...above('days', r['days']), ...above('count', r['count']), ...above('least', r['least']), ...(text(r['rule']) && { rule: text(r['rule']) }),
});
/** How long messages are kept, as an event says it: `30 days, 1000 messages, but 7 days at least`. */
export function parseRetention(said: string): Retention | undefined {
  const number = (form: RegExp) => Number(form.exec(said)?.[1]);
  const all = { ...above('days', number(/(?<!but )\b(\d+) days?/)), ...above('count', number(/(\d+) messages?/)), ...above('least', number(/but (\d+) days?/)) };
  return Object.keys(all).length ? all : undefined;
}
export const until = (v: Record<string, unknown>): { until?: number } => (typeof v['until'] === 'number' && v['until'] > 0 ? { until: v['until'] } : {});
export const user = (u: Record<string, unknown>): User => ({ id: text(u['id']), name: text(u['name']), guest: u['guest'] === true });

/** A time as UTC ms, or as an RFC 3339 text. */
export const time = (v: unknown): number => (typeof v === 'number' ? v : Date.parse(text(v)) || 0);
export const text = (v: unknown): string => (typeof v === 'string' ? v : '');
export const object = (v: unknown): Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : {};
export const objects = (body: Record<string, unknown>, key: string): Record<string, unknown>[] =>
  Array.isArray(body[key]) ? body[key].map(object) : [];

/** A room with how many members it has, where that is said. */
export const foundRoom = (r: Record<string, unknown>): FoundRoom => ({ ...room(r), ...(typeof r['members'] === 'number' && r['members'] > 0 && { members: r['members'] }) });
