import { afterEach, expect, test, vi } from 'vitest';
import { Emitter } from '../client/emitter.ts';
import type { Client, StartLists } from '../client/index.ts';
import { RequestsAndBlocks } from './requests-and-blocks.svelte.ts';

let own: RequestsAndBlocks | undefined;
afterEach(() => {
  own?.close();
  vi.useRealTimers();
});

/** A client whose directory has lists that the test changes. */
function scripted() {
  const lists = { requests: [{ room: 'd-1', user: 'eve', name: 'Eve', count: 1, since: 1 }], invitations: [] as object[], blocks: [] as object[] };
  const directory = {
    requests: vi.fn(async () => ({ list: lists.requests, more: false })),
    invitations: vi.fn(async () => lists.invitations),
    blocks: vi.fn(async () => lists.blocks),
    refuseRequest: vi.fn(async () => { lists.requests = []; }),
    acceptRequest: vi.fn(async () => ({ id: 'd-1' })),
    block: vi.fn(async (user: string, kind: string) => { lists.blocks = [{ user, name: 'Eve', kind }]; lists.requests = []; }),
    unblock: vi.fn(async () => { lists.blocks = []; }),
  };
  const emitter = new Emitter<{ started: StartLists | undefined; changed: string }>();
  const client = Object.assign(emitter, { directory, ignored: new Set<string>(), state: { kind: 'online' }, admit: async (info: { id: string }) => info });
  return { client, directory, lists };
}

test('lists are fetched with the connection, and one again when it changes', async () => {
  const { client, directory, lists } = scripted();
  own = new RequestsAndBlocks(client as unknown as Client, () => undefined);
  client.emit('started', undefined); // of an earlier release
  await vi.waitFor(() => expect(own!.waiting).toBe(1));
  lists.invitations = [{ room: 'r1', roomName: 'Books', private: true, by: 'eve', byName: 'Eve' }];
  client.emit('changed', 'invitations');
  await vi.waitFor(() => expect(own!.waiting).toBe(2));
  client.emit('changed', 'what a newer server lists');
  expect(directory.requests).toHaveBeenCalledTimes(1);
  expect(directory.invitations).toHaveBeenCalledTimes(2);
});

test('lists that the server has told at the start are not asked for', async () => {
  const { client, directory, lists } = scripted();
  const changed = vi.fn();
  own = new RequestsAndBlocks(client as unknown as Client, changed);
  client.emit('started', {
    requests: { list: lists.requests, more: true }, invitations: [{ room: 'r1', roomName: 'Books', private: true, by: 'eve', byName: 'Eve' }],
    blocks: [{ user: 'bob', name: 'Bob', kind: 'ignore' }], role: '', guestMay: [],
  });
  expect([own.waiting, own.more, [...client.ignored], changed.mock.calls.length]).toEqual([2, true, ['bob'], 1]);
  for (const ask of [directory.requests, directory.invitations, directory.blocks]) expect(ask).not.toHaveBeenCalled();
});

test('who is blocked is ignored, and is no more when let go', async () => {
  const { client } = scripted();
  const changed = vi.fn();
  own = new RequestsAndBlocks(client as unknown as Client, changed);
  await own.block('eve', 'block');
  expect([...client.ignored]).toEqual(['eve']);
  expect(own.blockKinds.get('eve')).toBe('block');
  expect(own.requests).toEqual([]);
  expect(changed).toHaveBeenCalledTimes(1);
  await own.unblock('eve');
  expect(client.ignored.size).toBe(0);
});

test('a request is accepted into a room, or refused', async () => {
  const { client } = scripted();
  own = new RequestsAndBlocks(client as unknown as Client, () => undefined);
  client.emit('changed', 'requests');
  await vi.waitFor(() => expect(own!.requests.length).toBe(1));
  expect(await own.accept(own.requests[0]!)).toBe('d-1');
  await own.refuse(own.requests[0]!);
  expect(own.waiting).toBe(0);
});

test('what could not be fetched is asked for again', async () => {
  vi.useFakeTimers();
  const { client, directory } = scripted();
  directory.requests.mockRejectedValueOnce(new Error('away'));
  own = new RequestsAndBlocks(client as unknown as Client, () => undefined);
  client.emit('started', undefined);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(own.waiting).toBe(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(own.waiting).toBe(1);
});

test('of two answers for a list that of the later question counts', async () => {
  const { client, directory } = scripted();
  own = new RequestsAndBlocks(client as unknown as Client, () => undefined);
  const answers: (() => void)[] = [];
  const room = (id: string) => ({ room: id, roomName: id, private: true, by: 'eve', byName: 'Eve' });
  const block = (user: string) => ({ user, name: user, kind: 'ignore' });
  const request = (id: string) => ({ room: id, user: 'eve', name: 'Eve', count: 1, since: 1 });
  const later = <T>(answer: T) => () => new Promise<T>((resolve) => answers.push(() => resolve(answer)));
  for (const id of ['old', 'new']) {
    directory.invitations.mockImplementationOnce(later([room(id)]) as never);
    directory.blocks.mockImplementationOnce(later([block(id)]) as never);
    directory.requests.mockImplementationOnce(later({ list: [request(id)], more: false }) as never);
  }
  for (const list of ['invitations', 'blocks', 'requests', 'invitations', 'blocks', 'requests']) client.emit('changed', list);
  for (const answer of [...answers.slice(3), ...answers.slice(0, 3)]) answer();
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect([own.invitations.map((i) => i.room), own.requests.map((r) => r.room), [...client.ignored]]).toEqual([['new'], ['new'], ['new']]);
});
