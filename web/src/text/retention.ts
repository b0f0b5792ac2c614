import type { Retention } from '../client/index.ts';
import { m } from '../lang/language.svelte.ts';
import { quantity } from './time.svelte.ts';

const days = (n: number): string => (n % 365 === 0 ? quantity(n / 365, 'year') : quantity(n, 'day'));

/** How long messages of a room are kept, as a sentence; empty: forever. */
export function retentionText(kept: Retention | undefined): string {
  if (!kept?.days && !kept?.count) return '';
  const { days: age, count, least } = kept;
  if (!count) return m.keptFor({ time: days(age!) });
  const newest = age ? m.keptNewestFor({ count, time: days(age) }) : m.keptNewest({ count });
  return least ? `${newest} ${m.keptLeast({ time: days(least) })}` : newest;
}

/** The rules that a choice offers, with the room's own. */
export const choices = ['', 'forever', '1 day', '7 days', '30 days', '90 days', '365 days', '1000 messages', '10000 messages'] as const;

/** The number and the unit of a rule that has one bound alone. */
function bound(rule: string): readonly [n: number, unit: string] | undefined {
  const [, n, unit] = /^(\d+) (day|message)s?$/.exec(rule) ?? [];
  return n === undefined ? undefined : [Number(n), unit!];
}

/** What a rule is called as a choice; one of another form stays as it is. */
export function ruleName(rule: string): string {
  if (rule === '') return m.asServerHasIt();
  if (rule === 'forever') return m.forever();
  const [n, unit] = bound(rule) ?? [];
  return n === undefined ? rule : unit === 'day' ? m.forTime({ time: days(n) }) : m.newestCount({ count: n });
}

/** A rule within a sentence; one of another form stays as it is. */
export function ruleWords(rule: string): string {
  if (rule === 'forever') return m.ruleForever();
  const [n, unit] = bound(rule) ?? [];
  return n === undefined ? rule : unit === 'day' ? quantity(n, 'day') : m.ruleNewest({ count: n });
}
