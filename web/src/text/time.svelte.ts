import { locale, m } from '../lang/language.svelte.ts';

type Hours = 'system' | '12' | '24';
let hours = $state<Hours>('system');

/** The ways to write a time, in a language and by 12 or 24 hours. */
function made(lang: string, hours: Hours) {
  const cycle = hours === 'system' ? {} : { hourCycle: hours === '12' ? 'h12' : 'h23' } as const;
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(lang, options);
  return {
    clock: format({ hour: hours === '24' ? '2-digit' : 'numeric', minute: '2-digit', ...cycle }),
    weekday: format({ weekday: 'long' }),
    day: format({ weekday: 'long', day: 'numeric', month: 'long' }),
    dayAndYear: format({ day: 'numeric', month: 'long', year: 'numeric' }),
    shortDay: format({ day: 'numeric', month: 'short' }),
    full: format({ dateStyle: 'full', timeStyle: 'short', ...cycle }),
    date: format({ dateStyle: 'medium' }),
    listed: format({ dateStyle: 'medium', timeStyle: 'short', ...cycle }),
    ago: new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }),
  };
}
let latest: { readonly key: string; readonly ways: ReturnType<typeof made> } | undefined;
/** Where a time is shown, it is shown anew when the language or the hours change. */
function ways() {
  const key = `${locale()} ${hours}`;
  if (latest?.key !== key) latest = { key, ways: made(locale(), hours) };
  return latest.ways;
}

/** Tells the time by 12 or 24 hours from now on, or as the reader's language has it. */
export function useHours(wanted: Hours): void {
  hours = wanted;
}

const dayMs = 86_400_000;

/** A number of days, hours and so on, in words: 1 day, 2 hours. */
export const quantity = (n: number, unit: 'second' | 'minute' | 'hour' | 'day' | 'year'): string =>
  new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(n);

/** The hour and minute, in the reader's way. */
export const timeOf = (ts: number): string => ways().clock.format(ts);

/** The same without AM and PM, for narrow places. */
export const narrowTime = (ts: number): string =>
  ways().clock.formatToParts(ts).filter((part) => part.type !== 'dayPeriod').map((part) => part.value).join('').trim();

/** Day and time in full, for a tooltip. */
export const fullTime = (ts: number): string => ways().full.format(ts);

/** Day and time as they stand in a list. */
export const stamp = (ts: number): string => ways().listed.format(ts);

/** The day, as it stands in a list. */
export const dateOf = (ts: number): string => ways().date.format(ts);

/** The day of the latest question, from its first millisecond to that of the next. */
let asked = { from: 0, to: 0 };

/** Whether two times are on the same day of the reader's. */
export function sameDay(a: number, b: number): boolean {
  // The messages of a room are from few days, and to find where a day begins costs far more than to
  // compare.
  if (a < asked.from || a >= asked.to) {
    const midnight = new Date(a);
    midnight.setHours(0, 0, 0, 0);
    asked = { from: midnight.getTime(), to: new Date(midnight).setDate(midnight.getDate() + 1) };
  }
  return b >= asked.from && b < asked.to;
}

/** How many midnights are between two times. */
function daysAgo(ts: number, now: number): number {
  return Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(ts).setHours(0, 0, 0, 0)) / dayMs);
}

/** Today or Yesterday, as it stands alone. */
const named = (ago: number): string => capital(ways().ago.format(-ago, 'day'));

/** A text as it stands at the beginning of a line. */
export const capital = (text: string): string => text.charAt(0).toLocaleUpperCase(locale()) + text.slice(1);

/** The day as a heading: Today, Yesterday, or its name. */
export function dayName(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago === 0 || ago === 1) return named(ago);
  return ago > 1 && ago < 200 ? ways().day.format(ts) : ways().dayAndYear.format(ts);
}

/** The time in its shortest form: 14:03, Yesterday, Monday, 3 May. */
export function shortTime(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago <= 0) return ways().clock.format(ts);
  if (ago === 1) return named(ago);
  return ago < 7 ? ways().weekday.format(ts) : ways().shortDay.format(ts);
}

/**
 * When somebody who is offline was last seen: last seen at 14:03, yesterday, on Monday, on 3 May.
 */
export function lastSeen(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago <= 0) return m.lastSeenAt({ time: ways().clock.format(ts) });
  if (ago === 1) return m.lastSeenYesterday();
  if (ago < 7) return m.lastSeenOnWeekday({ day: ways().weekday.format(ts) });
  return m.lastSeenOn({ day: (ago < 200 ? ways().shortDay : ways().dayAndYear).format(ts) });
}
