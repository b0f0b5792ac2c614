import { m } from '../lang/language.svelte.ts';
import type { ModeratedEvent } from '../client/index.ts';
import { isolate } from './bidi.ts';
import { ruleWords } from './retention.ts';
import { fullTime, quantity } from './time.svelte.ts';

/** Why a message is reported, and how that is called. */
export const reasons: Readonly<Record<string, () => string>> = {
  spam: () => m.reasonSpam(), abuse: () => m.reasonAbuse(), harm: () => m.reasonHarm(), illegal: () => m.reasonIllegal(), other: () => m.reasonOther(),
};

const units = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const;

/** A span of time in its largest unit: 1 day, 2 hours, 90 seconds. */
export function span(seconds: number): string {
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? units[3];
  return quantity(Math.max(0, Math.round(seconds / size)), unit);
}

/** The time left to wait, as a clock shows it: 0:09, 4:30, 1:00:00. */
export function countdown(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(s / 3_600);
  return hours > 0 ? `${hours}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** An act of moderation, as a sentence: "Ada muted Bob for 1 hour: spam". */
export function actText(e: ModeratedEvent, me: string): string {
  const text = act(e, me);
  return e.text && e.act !== 'retention' ? m.because({ text, why: isolate(e.text) }) : text;
}

function act(e: ModeratedEvent, me: string): string {
  const by = { who: e.user === me ? 'you' : '', name: isolate(e.name) || m.somebody() };
  const both = { ...by, whom: e.member === me ? 'you' : '', member: isolate(e.member_name ?? '') || m.somebodyObject() };
  const time = () => span(60 * Math.max(1, Math.round((e.until! - e.ts) / 60_000)));
  switch (e.act) {
    case 'mute': return e.until === undefined ? m.actMute(both) : m.actMuteFor({ ...both, time: time() });
    case 'ban': return e.until === undefined ? m.actBan(both) : m.actBanFor({ ...both, time: time() });
    case 'remove': return m.actRemove(both);
    case 'unban': return m.actUnban(both);
    case 'unmute': return m.actUnmute(both);
    case 'role': return m.actRole({ ...both, role: e.role ?? 'member' });
    case 'archive': return m.actArchive(by);
    case 'restore': return m.actRestore(by);
    case 'no-guests': return m.actNoGuests(by);
    case 'guests': return m.actGuests(by);
    case 'no-versions': return m.actNoVersions(by);
    case 'versions': return m.actVersions(by);
    case 'purge': return e.until === undefined ? m.actPurgeAll(both) : m.actPurge({ ...both, time: span(Math.round((e.ts - e.until) / 1_000)) });
    case 'reset': return m.actReset(by);
    case 'retention': return m.actRetention({ ...by, rule: ruleWords(e.text ?? 'forever') });
    case 'rules': {
      const sends = e.announce === 'react' ? m.ruleModeratorsReact() : e.announce ? m.ruleModeratorsSend() : m.ruleAllSend();
      return m.actRules({ ...by, rules: e.slow ? m.ruleBoth({ first: sends, second: m.ruleSlow({ time: span(e.slow) }) }) : sends });
    }
    default: return m.actOther(by);
  }
}

/** What happened to the user, in the room with this name; without a name, on the whole server. */
export function ownActText(e: ModeratedEvent, me: string, name: string | undefined): string {
  const room = name && isolate(name);
  const by = isolate(e.name) || m.somebody();
  if (e.act === 'report') return room === undefined ? m.ownReported() : m.ownReportedIn({ room });
  const done = e.text === 'dismiss' ? 'no' : 'yes';
  if (e.act === 'resolved') return room === undefined ? m.ownResolved({ done }) : m.ownResolvedIn({ done, room });
  if (e.act === 'delete') return m.ownDeleted({ name: by, room: isolate(e.text ?? '') });
  if (e.act === 'remove') return e.text ? m.tookYouOutWhy({ name: by, room: room ?? m.aRoomFrom(), why: isolate(e.text) }) : m.tookYouOut({ name: by, room: room ?? m.aRoomFrom() });
  const text = actText(e, me);
  if (e.target === undefined) return m.everywhere({ text });
  return room === undefined ? text : m.inTheRoom({ text, room });
}

/** Who took the user out of which room, as far as their names are known. */
export function removedText(by: string | undefined, room: string | undefined): string {
  return m.tookYouOut({ name: by === undefined ? m.somebodyInCharge() : isolate(by), room: room === undefined ? m.aRoomFrom() : isolate(room) });
}

/** Why somebody may not write, and until when. */
export function mutedText(muted: { readonly until?: number; readonly reason: string }): string {
  const text = muted.until === undefined ? m.mutedUntilLifted() : m.mutedUntil({ time: fullTime(muted.until) });
  return muted.reason ? m.because({ text, why: isolate(muted.reason) }) : text;
}

/** Why somebody reported a message. */
export function reportText(r: { readonly reason: string; readonly reporterName: string; readonly words: string }): string {
  const said = { reason: reasons[r.reason]?.() ?? r.reason, name: isolate(r.reporterName) };
  return r.words ? m.saysWhoWords({ ...said, words: isolate(r.words) }) : m.saysWho(said);
}

/** Until when somebody is kept out or silent, and why. */
export function restrictionText(kept: { readonly until?: number | undefined; readonly reason: string }, written = fullTime): string {
  const text = kept.until === undefined ? m.keptUntilLifted() : m.keptUntil({ time: written(kept.until) });
  return kept.reason ? m.because({ text, why: isolate(kept.reason) }) : text;
}
