/**
 * Makes records of the JSON that the HTTP API answers with. What is missing or has another shape
 * gets a default.
 */
import { type Fields, object, objects, positive, text, time } from './json.ts';
import type { Block, FoundRoom, Invitation, MessageRequest, Retention, Role, RoomInfo, User } from './records.ts';

export function room(r: Fields): RoomInfo {
  return {
    id: text(r['id']), name: text(r['name']), topic: text(r['topic']), private: r['private'] === true,
    ...rules(r), direct: r['direct'] === true, ...(text(r['with']) && { with: text(r['with']) }), ...group(r), role: text(r['role']) as Role, member: r['member'] === true || text(r['role']) !== '',
    ...(typeof r['since'] === 'number' && { since: r['since'] }), ...(r['request'] === 'sent' && { waiting: true }),
  };
}
/** Of a group, whose ids begin with g-, who is in it. */
function group(r: Fields): Pick<RoomInfo, 'people'> {
  return text(r['id']).startsWith('g-') ? { people: objects(r['people']).map((p) => ({ id: text(p['user']), name: text(p['name']) })) } : {};
}
export const messageRequest = (r: Fields): MessageRequest => ({
  room: text(r['room']), user: text(r['user']), name: text(r['name']), count: Number(r['count']) || 0, since: time(r['since']),
});
export const invitation = (i: Fields): Invitation => ({
  room: text(i['room']), roomName: text(i['room_name']), private: i['private'] === true, by: text(i['by']), byName: text(i['by_name']),
});
export const block = (b: Fields): Block => ({ user: text(b['user']), name: text(b['name']), kind: b['kind'] === 'ignore' ? 'ignore' : 'block' });

/** What of a room's description says who may write, and how often. */
export function rules(r: Fields): Pick<RoomInfo, 'slow' | 'announce' | 'guests' | 'versions' | 'archived' | 'muted' | 'kept'> {
  const muted = r['muted'] === undefined ? undefined : object(r['muted']);
  return {
    ...positive('slow', r['slow']),
    ...(typeof r['archived'] === 'number' && r['archived'] > 0 && { archived: true }),
    ...(text(r['announce']) && { announce: text(r['announce']) }),
    ...(r['guests'] === false && { guests: false }),
    ...(r['versions'] === false && { versions: false }),
    ...(r['kept'] !== undefined && { kept: retention(object(r['kept'])) }),
    ...(muted && { muted: { reason: text(muted['reason']), ...positive('until', muted['until']) } }),
  };
}
const retention = (r: Fields): Retention => ({
  ...positive('days', r['days']), ...positive('count', r['count']), ...positive('least', r['least']), ...(text(r['rule']) && { rule: text(r['rule']) }),
});
/** How long messages are kept, as an event says it: `30 days, 1000 messages, but 7 days at least`. */
export function parseRetention(said: string): Retention | undefined {
  const number = (form: RegExp) => Number(form.exec(said)?.[1]);
  const all = { ...positive('days', number(/(?<!but )\b(\d+) days?/)), ...positive('count', number(/(\d+) messages?/)), ...positive('least', number(/but (\d+) days?/)) };
  return Object.keys(all).length ? all : undefined;
}
export const user = (u: Fields): User => ({ id: text(u['id']), name: text(u['name']), guest: u['guest'] === true });

/** A room with how many members it has, where that is said. */
export const foundRoom = (r: Fields): FoundRoom => ({ ...room(r), ...positive('members', r['members']) });
