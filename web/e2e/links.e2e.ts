import type { Locator } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Device, type Person } from './browser.ts';
import { fill } from './fill.ts';
import { Stage, unique } from './stage.ts';

// A room that is full before anybody opens it, on a server that serves everything under a path.
for (const name of ['RATE', 'BURST', 'USER_RATE', 'USER_BURST']) process.env[`HUBBUB_${name}`] = '1000000';
const stage = new Stage('/talk');

const count = 300;
const name = unique('Long');
const bo = unique('Bo');
let api: Api;
let token: string;
let room: string;
/** Its messages, oldest first. */
let messages: { id: string; user: string; seq: number; text: string }[] = [];

beforeAll(async () => {
  api = new Api(stage.server.url);
  ({ token } = await api.register(bo, password));
  room = (await api.createRoom(token, name, 'What it is about', false)).id;
  await fill(stage.server.url, [token], room, count);
  for (let before: number | undefined; messages.length < count; before = messages[0]!.seq) {
    messages = [...(await api.messages(token, room, { limit: 200, ...(before && { before }) })).messages, ...messages];
  }
});

const post = (path: string, body: object) => api.request('POST', `/v1/rooms/${room}/${path}`, token, body);
const message = (p: Person, i: number) => p.log.getByRole('article').filter({ has: p.page.locator('.text', { hasText: new RegExp(`^\\s*${i}: `) }) });
const inView = (p: Person, i: number) => expect.poll(async () => {
  const [row, log] = [await message(p, i).boundingBox().catch(() => null), await p.log.boundingBox()];
  return row !== null && log !== null && row.y >= log.y && row.y < log.y + log.height;
}, { timeout: 30_000 }).toBe(true);

/** Presses by mouse or touch, as on the device: a mouse would open the tools of the message. */
const press = (p: Person, what: Locator) => (p.device === 'phone' ? what.tap() : what.click());

/** A member of the room. */
async function member(device: Device): Promise<Person> {
  const ada = await stage.person('Ada', device);
  await api.join((await api.login(ada.name, password)).token, room);
  return ada;
}

test.each<Device>(['desktop', 'phone'])('on a %s an answer quotes its message, however far back, and leads there and back', async (device) => {
  const answered = messages[20]!;
  const text = unique('an answer');
  await post('messages', { text, reply_to: answered.id, reply_author: answered.user });
  const gone = unique('an answer to nothing');
  await post('messages', { text: gone, reply_to: 'no-such-message', reply_author: answered.user });
  const ada = await member(device);
  await ada.page.goto(`${stage.server.url}/#/room/${room}`);
  await ada.message(text).waitFor();
  const quote = ada.message(text).getByRole('button', { name: new RegExp(`^${bo} 20: `) });
  await quote.waitFor();
  await ada.message(gone).getByText('A message that cannot be found').waitFor();
  await ada.shot('quote');
  await press(ada, quote);
  await inView(ada, 20);
  await expect.poll(() => ada.page.evaluate(() => document.activeElement?.querySelector('.text')?.textContent?.trim().startsWith('20: '))).toBe(true);
  await ada.shot('quote-found');
  await ada.page.getByRole('button', { name: 'Back to the answer' }).click();
  await ada.message(text).waitFor();

  // It follows edits and deletion of the message, also while the message is not loaded.
  await api.request('PATCH', `/v1/rooms/${room}/messages/${answered.user}/${answered.id}`, token, { text: `20: changed ${device}` });
  await ada.message(text).getByRole('button', { name: `20: changed ${device}` }).waitFor();
});

test.each<Device>(['desktop', 'phone'])('on a %s a link leads to a message, and from text to text', async (device) => {
  const ada = await member(device);
  const address = (seq: number) => `${stage.server.url}/#/room/${room}/${seq}`;
  await ada.page.goto(address(messages[100]!.seq));
  await ada.page.reload(); // as in a fresh tab
  await inView(ada, 100);
  await ada.shot('link');
  // A link in a text opens inside the page.
  const text = unique('see');
  await post('messages', { text: `${text} ${address(messages[200]!.seq)}` });
  await ada.page.getByRole('button', { name: /^(Go to the newest message|\d+\+? new messages?)$/ }).click();
  const link = ada.log.getByRole('article').filter({ hasText: text }).getByRole('link', { name: `#${name} › message` });
  await press(ada, link);
  await inView(ada, 200);
  expect(ada.page.url()).toBe(address(messages[200]!.seq));
  expect(ada.page.context().pages()).toHaveLength(1);
  // The same link again, from elsewhere.
  await ada.page.getByRole('button', { name: /^(Go to the newest message|\d+\+? new messages?)$/ }).click();
  await press(ada, link);
  await inView(ada, 200);
});

test('the link to a message is copied, and one to a deleted message leads to its place', async () => {
  const ada = await member('desktop');
  await ada.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await ada.page.goto(`${stage.server.url}/#/room/${room}/${messages[150]!.seq}`);
  await inView(ada, 150);
  await message(ada, 150).hover();
  await message(ada, 150).getByRole('button', { name: 'Copy link' }).click();
  await ada.page.getByText('The link to this message is copied.').waitFor();
  expect(await ada.page.evaluate(() => navigator.clipboard.readText())).toBe(`${stage.server.url}/#/room/${room}/${messages[150]!.seq}`);

  await api.request('DELETE', `/v1/rooms/${room}/messages/${messages[60]!.user}/${messages[60]!.id}`, token);
  await ada.page.goto(`${stage.server.url}/#/room/${room}/${messages[60]!.seq}`);
  await ada.page.getByText('That message was deleted.').waitFor();
  await inView(ada, 61);
  for (const seq of [messages[0]!.seq - 1, Number.MAX_SAFE_INTEGER]) {
    await ada.page.goto(`${stage.server.url}/#/room/${room}/${seq}`);
    await ada.page.getByText('That message is not there any more. This is where it was.').first().waitFor();
  }
});

test('a link shows a room to non-members and, once they join, the message; it reveals no private room', async () => {
  const ada = await stage.person('Ada', 'phone');
  await ada.page.goto(`${stage.server.url}/#/room/${room}/${messages[40]!.seq}`);
  const card = ada.page.getByRole('main');
  await card.getByRole('heading', { name }).waitFor();
  await card.getByText('What it is about').waitFor();
  await card.getByText(/^(One member|\d+ members)$/).waitFor();
  await ada.shot('link-to-join');
  await card.getByRole('button', { name: 'Join this room' }).click();
  await inView(ada, 40);

  const hidden = await api.createRoom(token, unique('Hidden'), 'Of which nobody knows', true);
  const words: string[] = [];
  for (const id of [hidden.id, 'no-such-room']) {
    await ada.page.goto(`${stage.server.url}/#/room/${id}/7`);
    await card.getByText('It may be private, or deleted.').waitFor();
    words.push(await card.innerText());
  }
  expect(words[0]).toBe(words[1]);
});
