import { expect, test } from 'vitest';
import { Api, type Grant } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

for (const name of ['RATE', 'BURST', 'USER_RATE', 'USER_BURST']) process.env[`HUBBUB_${name}`] = '1000000';
const stage = new Stage();

/** A user without a browser, who sends messages. */
async function writer(): Promise<Grant & { api: Api; say: (room: string, text: string) => Promise<number> }> {
  const api = new Api(stage.server.url);
  const grant = await api.register(unique('Bo'), password);
  return {
    ...grant, api,
    say: async (room, text) => Number((await api.request('POST', `/v1/rooms/${room}/messages`, grant.token, { text }))['seq']),
  };
}
const grant = (p: Person) => new Api(stage.server.url).login(p.name, password);

/** Waits until the list shows a room with that many new messages, and with a mention of the user or not. */
async function told(p: Person, room: string, unread: string, mentioned: boolean): Promise<void> {
  await p.room(room).getByText(new RegExp(`(^|\\D)${unread.replace('+', '\\+')}\\s*unread`)).waitFor();
  await expect.poll(() => p.room(room).getByText('You are mentioned').count()).toBe(mentioned ? 1 : 0);
}
const leave = (p: Person) => p.page.goto('about:blank');
const back = async (p: Person) => void (await p.page.goto(stage.server.url));

test('messages are new in a room to which one was added while the page was closed', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await writer()];
  const { token, user } = await grant(ada);
  // They know each other.
  await bo.api.join(token, (await bo.api.createRoom(bo.token, unique('Known'), '', false)).id);
  const name = unique('Den');
  const { id } = await bo.api.createRoom(bo.token, name, '', true);
  await bo.say(id, 'of before');
  await leave(ada);
  await bo.api.addMember(bo.token, id, user.id);
  for (const text of [`@${ada.name} first`, 'second', 'third']) await bo.say(id, text);
  await back(ada);
  await told(ada, name, '3', true);
  await ada.enter(name);
  await ada.message('third').waitFor();
  expect(await ada.log.getByRole('separator', { name: 'New' }).count()).toBeLessThanOrEqual(1);
  await ada.room(name).getByText('unread').waitFor({ state: 'detached' });
});

test('messages in a room that was empty and is closed are new on all devices', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await writer()];
  const name = unique('Empty');
  const { id } = await bo.api.createRoom(bo.token, name, '', false);
  await ada.page.goto(`${stage.server.url}/#/room/${id}`);
  await ada.page.getByRole('button', { name: 'Join this room' }).click();
  await ada.field.waitFor();
  await leave(ada);
  for (const text of ['first', `@${ada.name} second`, 'third']) await bo.say(id, text);
  const phone = await stage.again(ada, 'phone');
  await told(phone, name, '3', true);
  await back(ada);
  await told(ada, name, '3', true);
  // A message that is read on one device is read on the other.
  await phone.enter(name);
  await phone.message('third').waitFor();
  await ada.room(name).getByText('unread').waitFor({ state: 'detached' });
});

test('with more than a page unread, the count, the mention, the line and the place are right', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await writer()];
  const name = unique('Busy');
  const { id } = await bo.api.createRoom(bo.token, name, '', false);
  await bo.api.join((await grant(ada)).token, id);
  await leave(ada);
  const first = await bo.say(id, 'news 1');
  for (let i = 2; i <= 120; i++) await bo.say(id, i === 40 ? `@${ada.name} news ${i}` : `news ${i}`);
  await back(ada);
  await told(ada, name, '99+', true);
  await ada.enter(name);
  await ada.message('news 1').waitFor();
  const line = ada.log.locator('[data-new]');
  await line.waitFor();
  expect(await line.evaluate((e) => e.closest('.item')!.nextElementSibling!.textContent)).toContain('news 1');
  await ada.shot('opened-at-new');
  await ada.page.getByRole('button', { name: 'Next mention' }).click();
  await expect.poll(() => ada.log.locator('.item.found').textContent()).toContain('news 40');
  await ada.page.keyboard.press('m'); // the message has the focus
  await ada.page.getByText('No further message mentions you.').waitFor();
  await ada.shot('next-mention');
  // From the end, buttons lead back to it, to the mention, and to a day.
  await ada.page.getByRole('button', { name: /^(Go to the newest message|\d+\+? new messages?)$/ }).click();
  await ada.message('news 120').waitFor();
  await ada.page.getByRole('button', { name: 'First unread' }).click();
  await ada.message('news 1').waitFor();
  await line.waitFor();
  await ada.page.getByRole('button', { name: /go to a date$/ }).first().click();
  await ada.page.getByLabel('Go to a date', { exact: true }).fill('2001-02-03');
  await ada.shot('go-to-a-date');
  await ada.page.getByRole('button', { name: 'Go', exact: true }).click();
  await ada.message('news 1').waitFor();
  // It stays right while messages arrive, after a reload, and when messages after it are deleted.
  await bo.say(id, 'news 121');
  const message = (await bo.api.messages(bo.token, id, { around: first, limit: 2 })).messages[0]!.id;
  await bo.api.request('DELETE', `/v1/rooms/${id}/messages/${bo.user.id}/${message}`, bo.token);
  await expect.poll(() => line.evaluate((e) => e.closest('.item')!.nextElementSibling!.textContent)).toContain('news 2');
});

test('rooms that were joined while empty show that messages came', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await writer()];
  const { token } = await grant(ada);
  const names = Array.from({ length: 50 }, () => unique('Room'));
  await leave(ada);
  await Promise.all(names.map(async (name, i) => {
    const { id } = await bo.api.createRoom(bo.token, name, '', false);
    await bo.api.join(token, id);
    const seq = await bo.say(id, 'hello');
    await bo.say(id, i % 2 ? 'again' : `@${ada.name}`);
    if (i === 0) await bo.api.messages(bo.token, id, { around: seq });
  }));
  await back(ada);
  await expect.poll(() => ada.rooms.getByText(/\b2\s*unread/).count()).toBe(50);
  expect(await ada.rooms.getByText('You are mentioned').count()).toBe(25);
  // A message that only the inbox has counted is deleted.
  const list = (await ada.rooms.getByRole('link').allTextContents()).find((t) => t.includes('again'))!;
  const name = names.find((n) => list.includes(n))!;
  const { id } = (await bo.api.rooms(bo.token)).find((r) => r.name === name)!;
  const last = (await bo.api.messages(bo.token, id, { limit: 1 })).messages[0]!;
  await bo.api.request('DELETE', `/v1/rooms/${id}/messages/${bo.user.id}/${last.id}`, bo.token);
  await told(ada, name, '1', false);
  await ada.room(name).getByText('Message deleted').waitFor();
});
