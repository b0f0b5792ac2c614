import { expect, test } from 'vitest';
import { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage();

test('a slash suggests commands, which work', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await stage.person('Bo', 'desktop')];
  await ada.enter('lobby');
  const options = ada.page.getByRole('listbox', { name: 'Commands' }).getByRole('option');
  await ada.field.pressSequentially('/');
  await options.filter({ hasText: '/topic' }).waitFor();
  await ada.shot('commands');
  await ada.field.pressSequentially('sh');
  await expect.poll(() => options.allTextContents()).toEqual([expect.stringContaining('/shrug')]);
  await ada.field.press('Enter');
  await ada.field.pressSequentially('well');
  await ada.field.press('Enter');
  await ada.log.getByRole('article').filter({ hasText: /well ¯.*\(ツ\)/ }).getByLabel(/^(Sent|Read by)/).waitFor();

  await ada.say('/help');
  await options.first().waitFor();
  await ada.field.press('Escape');
  await ada.field.fill('');

  await ada.say(`/msg ${bo.name} just you`);
  await ada.page.getByRole('heading', { level: 1, name: bo.name }).waitFor();
  await ada.message('just you').getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.say('/join #LOBBY');
  await ada.page.getByRole('heading', { level: 1, name: 'Lobby' }).waitFor();
});

test('an unknown command is refused, and can be sent as text', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const refused = ada.page.locator('form').getByRole('alert');
  const text = `/nick ${unique('x')}`;
  await ada.say(text);
  await expect.poll(() => refused.textContent()).toContain('There is no command /nick.');
  await expect.poll(() => ada.field.inputValue()).toBe(text);
  expect(await ada.message(text).count()).toBe(0);
  await ada.shot('refused');
  await refused.getByRole('button', { name: 'Send it as a text' }).click();
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  await refused.waitFor({ state: 'detached' });

  const path = `/usr/bin/${unique('x')} is a text`;
  await ada.say(path);
  await ada.message(path).getByLabel(/^(Sent|Read by)/).waitFor();

  await ada.say('/msg nobody-of-this-name');
  await expect.poll(() => refused.textContent()).toContain('Nobody has the name');
  await ada.field.pressSequentially('!');
  await refused.waitFor({ state: 'detached' });
});

test('two tabs share drafts, and neither loses those of the other', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const tab = await ada.page.context().newPage();
  await tab.goto(ada.page.url());
  const field = tab.getByRole('textbox', { name: 'Message' });
  await field.waitFor();
  await ada.field.fill('begun here');
  await expect.poll(() => field.inputValue()).toBe('begun here');
  await field.press('End');
  await field.pressSequentially(', ended there');
  await expect.poll(() => ada.field.inputValue()).toBe('begun here, ended there');
  await ada.page.getByRole('button', { name: 'Send' }).click();
  await expect.poll(() => field.inputValue()).toBe('');
});

test('without storage in the browser, the page works as long as it is open', async () => {
  const ada = await Person.open(stage.browser, 'about:blank', unique('Ada'), 'desktop');
  stage.people.push(ada);
  await ada.page.addInitScript(() => {
    const forbidden = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB'] as const) Object.defineProperty(window, name, { get: forbidden });
    navigator.locks.request = () => Promise.reject(new DOMException('Access to locks is denied.', 'SecurityError'));
  });
  await ada.page.goto(stage.server.url);
  await ada.register();
  await ada.enter('lobby');
  const text = unique('kept nowhere');
  await ada.say(text);
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
});

test('Enter that ends a conversion of an input method chooses no room', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.rooms.getByRole('link').first().waitFor();
  const search = ada.page.getByRole('searchbox', { name: 'Find a room' });
  await search.fill('lob');
  await search.evaluate((e) => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true })));
  expect(await search.inputValue()).toBe('lob');
  await search.press('Enter');
  await ada.page.getByRole('heading', { level: 1, name: 'Lobby' }).waitFor();
});
