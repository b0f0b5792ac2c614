import type { Retention } from '../client/index.ts';

const counted = (n: number): string => n.toLocaleString('en');
const days = (n: number): string => (n % 365 === 0 ? `${counted(n / 365)} year${n === 365 ? '' : 's'}` : `${counted(n)} day${n === 1 ? '' : 's'}`);

/** How long messages of a room are kept, as a sentence; empty: forever. */
export function keptText(kept: Retention | undefined): string {
  if (!kept?.days && !kept?.count) return '';
  const { days: age, count, least } = kept;
  if (!count) return `Messages are kept for ${days(age!)}.`;
  const newest = count === 1 ? 'Only the newest message is kept' : `The newest ${counted(count)} messages are kept`;
  return `${newest}${age ? `, for ${days(age)} at most` : ''}${least ? `; none is removed for its number before it is ${days(least)} old` : ''}.`;
}

/** The rules that a choice offers, with the room's own, and what they are called. */
export const choices: readonly (readonly [rule: string, name: string])[] = [
  ['', 'As the server has it'], ['forever', 'Forever'], ['1 day', 'For 1 day'], ['7 days', 'For 7 days'], ['30 days', 'For 30 days'], ['90 days', 'For 90 days'],
  ['365 days', 'For 1 year'], ['1000 messages', 'The newest 1,000'], ['10000 messages', 'The newest 10,000'],
];
