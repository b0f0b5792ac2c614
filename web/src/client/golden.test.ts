import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HubbubError, retryIn } from './errors.ts';
import { parseEvent } from './parse.ts';
import { shouldReconnect } from './protocol.ts';
import { RoomLog } from './roomlog.ts';

interface Vector {
  readonly name: string;
  readonly seq: number;
  readonly prev: number;
  readonly frame: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../../libs/wire/testdata/entries.json', import.meta.url), 'utf8')) as Vector[];
const known = new Set(['msg', 'edited', 'deleted', 'reacted', 'pinned', 'topic', 'member', 'invited', 'removed', 'changed', 'moderated', 'reset']);

test.each(vectors.map((v) => [v.name, v] as const))('the frame of an entry: %s', (_, v) => {
  const sent = JSON.parse(v.frame) as Record<string, unknown>;
  const event = parseEvent(v.frame);
  if (typeof sent['type'] !== 'string' || typeof sent['room'] !== 'string') {
    expect(event).toBeUndefined();
    return;
  }
  // A message that was deleted has lost its text.
  const lost = (sent['type'] === 'msg' || sent['type'] === 'edited') && sent['text'] === undefined;
  expect(event).toMatchObject({ ...sent, type: known.has(sent['type']) && !lost ? sent['type'] : 'unknown' });
  // Whatever it is, the position moves on.
  const log = new RoomLog();
  log.complete(v.prev);
  expect(log.applyLive(event as never)).toBe('applied');
  expect(log.position).toEqual({ seq: v.seq, id: sent['id'] });
});

const page = readFileSync(new URL('../../../libs/wire/PROTOCOL.md', import.meta.url), 'utf8');

/** The lines of the page's blocks of a kind. */
function examples(kind: string): Record<string, unknown>[] {
  const blocks = [...page.matchAll(new RegExp(`\`\`\`json ${kind}\n(.*?)\`\`\``, 'gs'))];
  return blocks.flatMap((b) => b[1]!.trim().split('\n')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

test.each([...examples('event'), ...examples('error')].map((e) => [JSON.stringify(e), e] as const))('an event of the page: %s', (frame, e) => {
  expect(parseEvent(frame)).toMatchObject(e['type'] === 'history' ? { type: 'history', id: e['id'] } : e);
});

test.each(examples('close').map((c) => [c['code'] as number, c['come_back'] as boolean]))('the client comes back after close code %d: %s', (code, back) => {
  expect(shouldReconnect(code)).toBe(back);
});

const errors = [...page.split('\n## Errors\n')[1]!.matchAll(/^\| `(\w+)` \| .* \| (yes|no)[^|]* \| \w+ \|$/gm)].map((m) => [m[1]!, m[2]!] as const);

test('the table of errors is read', () => expect(errors.length).toBeGreaterThan(15));

test.each(errors)('error %s is worth another try: %s', (code, again) => {
  const wait = retryIn(new HubbubError(code, 'm'), 500);
  // A new token is fetched by the connection, which is closed with 4003 then.
  expect(wait).toBe(again === 'yes' && code !== 'token_expired' ? 500 : undefined);
  expect(retryIn(new HubbubError(code, 'm', 250), 500)).toBe(250);
});
