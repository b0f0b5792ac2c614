import { quantity, stamp } from '../text/time.svelte.ts';
import { m } from './language.svelte.ts';

/** What a verb of a sentence stands for: a number for %d, a text for %s and %q. */
type Value = number | string;

/**
 * Refusals of the server, as they stand in its source, and the messages for them. A message takes
 * what the sentence's verbs stand for, in their order; undefined: it has no words for that.
 */
export type Refusals = Readonly<Record<string, (...values: never[]) => string | undefined>>;

/** A time that the server says, such as 2026-05-03 15:04 UTC, as the reader has times. */
export function time(utc: string): string {
  const at = Date.parse(utc.replace(/^(\S+) (\S+) UTC$/, '$1T$2Z'));
  return Number.isNaN(at) ? utc : stamp(at);
}

/** An age that the server says, such as 30 days. */
export const age = (english: string): string => quantity(parseInt(english, 10), 'day');

/** What the server refuses people with who log in, register or come in as guests. */
export const entryRefusals: Refusals = {
  'an invitation is needed to register here: ask somebody for a link': () => m.invitationNeededError(),
  'registration is closed here: ask whoever runs this server': () => m.registrationClosedError(),
  'that is not the room\'s name: type it exactly, to confirm which room you delete': () => m.wrongRoomNameError(),
  'that name is reserved: choose another': () => m.nameReservedError(),
  'that name is taken': () => m.nameTakenError(),
  'the current password is wrong': () => m.currentPasswordError(),
  'the name or the password is wrong': () => m.wrongPasswordError(),
  'the set-up link was used already: ask an operator for the role, or use hubbub admin promote': () => m.setupUsedError(),
  'there is no such invitation: check that the link is complete': () => m.invitationWrongError(),
  'there is no such room, or you may not enter it': () => m.noSuchRoomError(),
  'this account is disabled: ask whoever runs this server': () => m.accountDisabledError(),
  'this invitation has ended: ask for another': () => m.invitationEndedError(),
  'this invitation was taken back: ask for another': () => m.invitationRevokedError(),
  'this invitation was used by as many as it was for: ask for another': () => m.invitationUsedError(),
  'this is not a set-up link of this server: its console or log has the right one': () => m.setupWrongError(),
  'this link was used, is too old, or was followed by a newer one: ask for another': () => m.oldLinkError(),
  'this request comes from a page of another site': () => m.otherSiteError(),
  'this server admits no guests: log in': () => m.noGuestsError(),
  'this server lets in no guests and no new accounts from your network': () => m.networkNewcomersError(),
  'this server lets in no guests and no new accounts from your network until %s': (until: string) => m.networkNewcomersUntilError({ until: time(until) }),
  'this server lets nobody in from your network': () => m.networkBannedError(),
  'this server lets nobody in from your network until %s': (until: string) => m.networkBannedUntilError({ until: time(until) }),
  'this set-up link has expired: restart the server for a new one': () => m.setupExpiredError(),
  'you are banned from this server': () => m.bannedError(),
  'you are banned from this server until %s': (until: string) => m.bannedUntilError({ until: time(until) }),
};

let known = entryRefusals;
/** Those of the known sentences that have verbs, once one is looked for. */
let forms: readonly Form[] | undefined;

/** Adds refusals, of a part of the page that is loaded when it is shown. */
export function addRefusals(more: Refusals): void {
  known = { ...known, ...more };
  forms = undefined;
}

/** What the server said in English, also as a sentence for a person, in the language of the page, if it is known. */
export function translated(english: string): string | undefined {
  const sentence = english.charAt(0).toLowerCase() + english.slice(1).replace(/\.$/, '');
  if (Object.hasOwn(known, sentence)) return known[sentence]!();
  forms ??= Object.keys(known).flatMap((s) => form(s) ?? []);
  for (const f of forms) {
    const values = f.values(sentence);
    const message = values && (known[f.sentence] as (...values: Value[]) => string | undefined)(...values);
    if (message !== undefined) return message;
  }
  return undefined;
}

interface Form {
  readonly sentence: string;
  /** Returns what its verbs stand for in a text; undefined: the text is another sentence. */
  readonly values: (text: string) => Value[] | undefined;
}

/** The verbs of Go's fmt that sentences have, some with the most characters that are shown. */
const verb = /%(?:\.\d+)?([dqs])/;
const patterns: Readonly<Record<string, string>> = { d: String.raw`(-?\d+)`, q: String.raw`("(?:[^"\\]|\\.)*")`, s: '(.*?)' };

/** A sentence with verbs; undefined: it has none. */
function form(sentence: string): Form | undefined {
  const [first, ...rest] = sentence.split(verb);
  if (!rest.length) return undefined;
  const verbs = rest.filter((_, i) => i % 2 === 0);
  const literal = (s: string) => s.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const whole = new RegExp(`^${literal(first!)}${rest.map((s, i) => (i % 2 === 0 ? patterns[s]! : literal(s))).join('')}$`);
  return {
    sentence,
    values: (text) => whole.exec(text)?.slice(1).map((v, i) => (verbs[i] === 'd' ? Number(v) : verbs[i] === 'q' ? unquoted(v) : v)),
  };
}

const escaped: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The text that Go's %q has quoted. A byte that is no UTF-8 is no character either. */
const unquoted = (quoted: string): string =>
  quoted.slice(1, -1).replace(/\\(?:x[0-9a-f]{2}|u([0-9a-f]{4})|U(00[01][0-9a-f]{5})|(.))/g, (_, short: string | undefined, long: string | undefined, c: string | undefined) => {
    const code = short ?? long;
    if (code === undefined) return c === undefined ? '\uFFFD' : (escaped[c] ?? c);
    const point = parseInt(code, 16);
    return point > 0x10FFFF ? '\uFFFD' : String.fromCodePoint(point);
  });
