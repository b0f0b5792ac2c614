import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseEvent } from './parse.ts';
import { RoomLog } from './roomlog.ts';

interface Vector {
  readonly name: string;
  readonly seq: number;
  readonly prev: number;
  readonly frame: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../../libs/wire/testdata/entries.json', import.meta.url), 'utf8')) as Vector[];
const known = new Set(['msg', 'edited', 'deleted', 'reacted', 'pinned', 'topic', 'member', 'invited', 'removed', 'reset']);

test.each(vectors.map((v) => [v.name, v] as const))('the frame of an entry: %s', (_, v) => {
  const sent = JSON.parse(v.frame) as Record<string, unknown>;
  const event = parseEvent(v.frame);
  if (typeof sent['type'] !== 'string' || typeof sent['room'] !== 'string') {
    expect(event).toBeUndefined();
    return;
  }
  expect(event).toMatchObject({ ...sent, type: known.has(sent['type']) ? sent['type'] : 'unknown' });
  // Whatever it is, the position moves on.
  const log = new RoomLog();
  log.complete(v.prev);
  expect(log.live(event as never)).toBe('applied');
  expect(log.position).toEqual({ seq: v.seq, id: sent['id'] });
});
