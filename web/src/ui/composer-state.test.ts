import { beforeEach, describe, expect, test } from 'vitest';
import type { Message, Outgoing } from '../client/index.ts';
import type { Chat } from '../state/chat.svelte.ts';
import { ComposerState, type Refusal } from './composer-state.svelte.ts';

const message = (id: string, user: string, more: object = {}) => ({ id, user, text: `text of ${id}`, deleted: false, ...more }) as Message;

let edits: string[];
let sent: string[];
let toasts: string[];
let focused: number;
let fails: boolean;
let outgoing: Outgoing[];
let answer: Refusal | undefined;
let composer: ComposerState;
beforeEach(() => {
  [edits, sent, toasts, focused, fails, outgoing, answer] = [[], [], [], 0, false, [], undefined];
  const pendingChanges = { edit: (room: string, of: { id: string; user: string }, text: string) => (edits.push(`${room} ${of.user} ${of.id} ${text}`), fails ? Promise.reject(new Error('no')) : Promise.resolve()) };
  const chat = { client: { me: { id: 'ada' } }, pendingChanges } as unknown as Chat;
  const messages = [message('a', 'ada'), message('b', 'ada', { deleted: true }), message('c', 'bo')];
  composer = new ComposerState({ toast: (text: string) => (toasts.push(text), { key: 0, text }) }, () => ({ chat, room: 'lobby', outgoing, messages }), (text) => (sent.push(text), Promise.resolve(answer)));
  composer.field = { focus: () => focused++ };
});

describe('a composer', () => {
  test('sends, and says why it did not', async () => {
    expect(await composer.submit('hello')).toBeUndefined();
    answer = { why: 'no such command' };
    expect(await composer.submit('/nothing')).toBe(answer);
    expect(sent).toEqual(['hello', '/nothing']);
  });

  test('edits or replies, and not both', () => {
    composer.reply(message('c', 'bo'));
    composer.edit(message('a', 'ada'));
    expect([composer.replying, composer.editing]).toEqual([undefined, { id: 'a', text: 'text of a' }]);
    composer.reply(message('c', 'bo'));
    expect(composer.editing).toBeUndefined();
    expect(composer.takeReply()).toMatchObject({ id: 'c' });
    expect(composer.replying).toBeUndefined();
    composer.edit(message('a', 'ada'));
    composer.cancel();
    expect(composer.editing).toBeUndefined();
    expect(focused).toBe(4);
  });

  test('edits the last message of the user, one that was just acknowledged first', () => {
    composer.editLast();
    expect(composer.editing?.id).toBe('a');
    outgoing = [message('d', 'ada', { state: 'sent' }), message('e', 'ada', { state: 'sending' })] as unknown as Outgoing[];
    composer.editLast();
    expect(composer.editing?.id).toBe('d');
  });

  test('saves what has changed, and restores it where that fails, unless the user edits something else', async () => {
    composer.editLast();
    await composer.submit('text of a');
    expect(edits).toEqual([]);
    composer.editLast();
    await composer.submit('better');
    expect([edits, composer.editing]).toEqual([['lobby ada a better'], undefined]);
    fails = true;
    composer.editLast();
    await composer.submit('worse');
    expect(composer.editing).toEqual({ id: 'a', text: 'text of a', next: 'worse' });
    expect(toasts).toHaveLength(1);
    const saving = composer.submit('worst');
    composer.edit(message('x', 'ada'));
    await saving;
    expect(composer.editing).toEqual({ id: 'x', text: 'text of x' });
  });
});
