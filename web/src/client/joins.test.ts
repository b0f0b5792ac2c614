import { describe, expect, test } from 'vitest';
import { Harness, lobby } from '../../test/harness.ts';
import type { Peer } from '../../test/scripted.ts';
import { until } from '../../test/surroundings.ts';
import { joinMessages } from './joins.ts';

const joins = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `${i}`, room: `r${i}`, after: { seq: i } }));
const lengths = (messages: string[]) => messages.map((m) => ((JSON.parse(m) as { rooms?: unknown[] }).rooms ?? [m]).length);

describe('joins in messages', () => {
  test('as many as the server takes in one', () => {
    const messages = joinMessages(joins(250), { joins: 100, frame: 65_536 });
    expect(lengths(messages)).toEqual([100, 100, 50]);
    expect(JSON.parse(messages[2]!)).toEqual({ type: 'join', rooms: joins(250).slice(200) });
  });

  test('one alone is a join of one room, and so is each for a server of an earlier release', () => {
    const [first] = joins(1);
    const alone = JSON.stringify({ type: 'join', ...first });
    expect(joinMessages(joins(1), { joins: 100 })).toEqual([alone]);
    expect(joinMessages(joins(3), {})).toHaveLength(3);
    expect(joinMessages(joins(3), { frame: 100 })[0]).toBe(alone);
  });

  test('no message is longer than a frame may be', () => {
    const messages = joinMessages(joins(100), { joins: 100, frame: 1_024 });
    expect(lengths(messages).reduce((a, b) => a + b)).toBe(100);
    for (const m of messages) expect(m.length).toBeLessThanOrEqual(1_024);
    expect(messages.length).toBeLessThan(8);
  });
});

const rooms = Array.from({ length: 500 }, (_, i) => ({ ...lobby, id: `r${i}`, name: `Room ${i}` }));

/** Answers what a client of 500 rooms asks, until all are live. */
async function serve(h: Harness, peer: Peer): Promise<void> {
  await until(() => {
    for (const said of peer.read()) {
      if (said.type === 'history') peer.reply(said, { type: 'history', room: said['room'], messages: [], more: false });
      else if (said.type === 'join') peer.reply(said, { type: 'joined', room: said['room'], seq: 0 });
    }
    return h.client.rooms.size === 500 && [...h.client.rooms.values()].every((r) => r.live);
  });
}

test.each([[100, 5], [undefined, 500]])('a client in 500 rooms, of which %s go into a message, comes back with %d of them', async (most, messages) => {
  const h = Harness.start({ rooms });
  const limits = { limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 100_000, ...(most && { joins: most }) } };
  const first = await h.server.peer();
  await first.welcome(limits);
  await serve(h, first);
  first.cut();
  const second = await h.server.peer();
  await second.welcome(limits);
  await serve(h, second);
  expect(second.joins).toHaveLength(messages);
  expect(second.joins.reduce((a, b) => a + b)).toBe(500);
  h.stop();
});
