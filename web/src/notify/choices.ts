/** How much of a room the user is told while away. */
export type Level = 'everything' | 'mentions' | 'nothing';

/** How often the user is written at most what waits. */
export type Frequency = 'never' | 'hourly' | 'daily' | 'weekly';

/** Hours of each day in which nothing is told, in minutes since midnight of a time zone (IANA). */
export interface QuietHours {
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}

/** What the user has chosen to be told of: the value `notify` of the preferences. */
export interface NotificationChoices {
  readonly level: Level;
  readonly rooms: Readonly<Record<string, Level>>;
  /** A message with one of them is told as a mention is. */
  readonly words: readonly string[];
  readonly quiet?: QuietHours;
  /** Until when nothing is told, UTC ms; 0: it is. */
  readonly paused: number;
  /** Absent: as often as the server has it. */
  readonly mail?: Frequency;
}

/** The most that the server keeps. */
export const most = { words: 30, word: 64, rooms: 1000 } as const;

const levels: readonly unknown[] = ['everything', 'mentions', 'nothing'] satisfies Level[];
const isLevel = (v: unknown): v is Level => levels.includes(v);
const frequencies: readonly unknown[] = ['never', 'hourly', 'daily', 'weekly'] satisfies Frequency[];
export const isFrequency = (v: unknown): v is Frequency => frequencies.includes(v);
const object = (v: unknown): Record<string, unknown> => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : {});
const minute = (v: unknown): v is number => typeof v === 'number' && Number.isInteger(v) && v >= 0 && v < 1440;

/** Reads the choices in the preferences; what is of no form is as if it were not there. */
export function choicesOf(values: Readonly<Record<string, unknown>>): NotificationChoices {
  const v = object(values['notify']);
  const q = object(v['quiet']);
  const rooms = Object.entries(object(v['rooms'])).filter((e): e is [string, Level] => isLevel(e[1]));
  return {
    level: isLevel(v['level']) ? v['level'] : 'mentions',
    rooms: Object.fromEntries(rooms),
    words: Array.isArray(v['words']) ? v['words'].filter((w): w is string => typeof w === 'string') : [],
    ...(minute(q['from']) && minute(q['to']) && typeof q['zone'] === 'string' && { quiet: { from: q['from'], to: q['to'], zone: q['zone'] } }),
    paused: typeof v['paused'] === 'number' ? v['paused'] : 0,
    ...(isFrequency(v['mail']) && { mail: v['mail'] }),
  };
}

/** The preferences with other choices; what another release keeps there stays. */
export function withChoices(values: Readonly<Record<string, unknown>>, change: Partial<NotificationChoices>): Record<string, unknown> {
  const notify: Record<string, unknown> = { ...object(values['notify']), ...change };
  for (const [key, value] of Object.entries(notify)) if (value === undefined) delete notify[key];
  return { notify };
}

/** What the user is told of a room. Of a muted one that nothing else was chosen for only mentions. */
export function levelOf(c: NotificationChoices, room: string, muted: boolean): Level {
  return c.rooms[room] ?? (muted && c.level === 'everything' ? 'mentions' : c.level);
}

/** Whether nothing is told at a time, ms. */
export function isQuietTime(c: NotificationChoices, now: number): boolean {
  if (now < c.paused) return true;
  const q = c.quiet;
  if (!q || q.from === q.to) return false;
  let at: number;
  try {
    const parts = new Intl.DateTimeFormat('en-GB', { timeZone: q.zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(now);
    const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
    at = part('hour') * 60 + part('minute');
  } catch {
    return false; // a zone that this browser does not know
  }
  return q.from < q.to ? at >= q.from && at < q.to : at >= q.from || at < q.to;
}

/** The words in what the user has typed, with commas between them. */
export function wordsIn(text: string): string[] {
  const all = text.split(/[,;\n、，]/).map((w) => w.trim().slice(0, most.word)).filter(Boolean);
  return [...new Set(all)].slice(0, most.words);
}

const folded = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss');

/** Whether a text has one of some words, by themselves. The server compares more exactly. */
export function hasWord(text: string, words: readonly string[]): boolean {
  const hay = folded(text);
  return words.some((w) => {
    const needle = folded(w);
    if (!needle) return false;
    for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + 1)) {
      const spaceless = /\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana}|\p{sc=Hangul}|\p{sc=Thai}/u.test(needle);
      const edge = (c: string | undefined) => spaceless || c === undefined || !/[\p{L}\p{N}]/u.test(c);
      if (edge(hay[at - 1]) && edge(hay[at + needle.length])) return true;
    }
    return false;
  });
}
