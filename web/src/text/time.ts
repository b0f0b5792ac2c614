let clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
let full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
let listed = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const dayMs = 86_400_000;

/** Tells the time by 12 or 24 hours from now on, or as the reader's language has it. */
export function useHours(hours: 'system' | '12' | '24'): void {
  const cycle = hours === 'system' ? {} : { hourCycle: hours === '12' ? 'h12' : 'h23' } as const;
  clock = new Intl.DateTimeFormat(undefined, { hour: hours === '24' ? '2-digit' : 'numeric', minute: '2-digit', ...cycle });
  full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short', ...cycle });
  listed = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short', ...cycle });
}

/** The hour and minute, in the reader's way. */
export const timeOf = (ts: number): string => clock.format(ts);

/** The same without AM and PM, for narrow places. */
export const narrowTime = (ts: number): string =>
  clock.formatToParts(ts).filter((part) => part.type !== 'dayPeriod').map((part) => part.value).join('').trim();

/** Day and time in full, for a tooltip. */
export const fullTime = (ts: number): string => full.format(ts);

/** Day and time as they stand in a list. */
export const stamp = (ts: number): string => listed.format(ts);

/** The day, as it stands in a list. */
export const dateOf = (ts: number): string => date.format(ts);

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

/** The day as a heading: Today, Yesterday, or its name. */
export function dayName(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago === 0) return 'Today';
  if (ago === 1) return 'Yesterday';
  return ago > 1 && ago < 200 ? day.format(ts) : dayAndYear.format(ts);
}

/** The time in its shortest form: 14:03, Yesterday, Monday, 3 May. */
export function shortTime(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago <= 0) return clock.format(ts);
  if (ago === 1) return 'Yesterday';
  return ago < 7 ? weekday.format(ts) : shortDay.format(ts);
}

/**
 * When somebody who is offline was last seen: last seen at 14:03, yesterday, on Monday, on 3 May.
 */
export function lastSeen(ts: number, now: number): string {
  const ago = daysAgo(ts, now);
  if (ago <= 0) return `last seen at ${clock.format(ts)}`;
  if (ago === 1) return 'last seen yesterday';
  return `last seen on ${ago < 7 ? weekday.format(ts) : ago < 200 ? shortDay.format(ts) : dayAndYear.format(ts)}`;
}
