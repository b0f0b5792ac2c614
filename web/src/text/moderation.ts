import type { ModeratedEvent } from '../client/index.ts';
import { isolate } from './bidi.ts';
import { fullTime } from './time.svelte.ts';

/** Why a message is reported. */
export const reasons: Readonly<Record<string, string>> = {
  spam: 'Spam or advertising', abuse: 'Insults or harassment', harm: 'Somebody may come to harm', illegal: 'It is against the law', other: 'Something else',
};

const units = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const;

/** A span of time in its largest unit: 1 day, 2 hours, 90 seconds. */
export function span(seconds: number): string {
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? units[3];
  const n = Math.max(0, Math.round(seconds / size));
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
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
  const who = e.user === me ? 'You' : isolate(e.name) || 'Somebody';
  const whom = e.member === me ? 'you' : isolate(e.member_name ?? '') || 'somebody';
  const why = e.text ? `: ${isolate(e.text)}` : '';
  switch (e.act) {
    case 'mute':
      return `${who} muted ${whom}${e.until === undefined ? '' : ` for ${span(60 * Math.max(1, Math.round((e.until - e.ts) / 60_000)))}`}${why}`;
    case 'ban':
      return `${who} banned ${whom}${e.until === undefined ? '' : ` for ${span(60 * Math.max(1, Math.round((e.until - e.ts) / 60_000)))}`}${why}`;
    case 'remove':
      return `${who} removed ${whom} from this room${why}`;
    case 'unban':
      return `${who} let ${whom} come back`;
    case 'role':
      return `${who} made ${whom} ${e.role === 'owner' ? 'an' : 'a'} ${e.role ?? 'member'}`;
    case 'unmute':
      return `${who} let ${whom} write again`;
    case 'archive':
      return `${who} archived this room`;
    case 'restore':
      return `${who} restored this room`;
    case 'no-guests':
      return `${who} closed this room to guests`;
    case 'guests':
      return `${who} let guests into this room`;
    case 'purge':
      return `${who} removed ${e.until === undefined ? 'all messages' : `messages of the last ${span(Math.round((e.ts - e.until) / 1_000)).replace(/^1 /, '')}`} of ${whom}${why}`;
    case 'reset':
      return `${who} removed all that was said here before`;
    case 'retention':
      return `${who} set how long messages are kept: ${e.text ?? 'forever'}`;
    case 'rules': {
      const rules = [
        e.announce ? `only moderators send${e.announce === 'react' ? ', members may react' : ''}` : 'every member may send',
        ...(e.slow ? [`one message every ${span(e.slow)}`] : []),
      ];
      return `${who} set the rules: ${rules.join('; ')}`;
    }
    default:
      return `${who} moderated this room${why}`;
  }
}

/** What happened to the user, in the room with this name; without a name, on the whole server. */
export function ownActText(e: ModeratedEvent, me: string, name: string | undefined): string {
  const room = name && isolate(name);
  if (e.act === 'report') return `A message was reported${room === undefined ? '' : ` in ${room}`}: see Moderation in its list of people.`;
  if (e.act === 'resolved') return `Your report${room === undefined ? '' : ` in ${room}`} was looked at${e.text === 'dismiss' ? '' : ', and something was done'}.`;
  if (e.act === 'delete') return `${isolate(e.name) || 'Somebody'} deleted the room ${isolate(e.text ?? '')}.`;
  if (e.act === 'remove') return `${isolate(e.name) || 'Somebody'} took you out of ${room ?? 'a room'}${e.text ? `: ${isolate(e.text)}` : '.'}`;
  const where = e.target === undefined ? ' (everywhere)' : room === undefined ? '' : ` (in ${room})`;
  return `${actText(e, me)}${where}`;
}

/** Who took the user out of which room, as far as their names are known. */
export function removedText(by: string | undefined, room: string | undefined): string {
  return `${by === undefined ? 'Somebody who looks after it' : isolate(by)} took you out of ${room === undefined ? 'a room' : isolate(room)}.`;
}

/** Why somebody may not write, and until when. */
export function mutedText(muted: { readonly until?: number; readonly reason: string }): string {
  const until = muted.until === undefined ? 'until that is lifted' : `until ${fullTime(muted.until)}`;
  return `You are muted ${until}${muted.reason ? `: ${isolate(muted.reason)}` : ''}`;
}
