import { beforeEach, describe, expect, test } from 'vitest';
import { password, Person } from './browser.ts';
import { chat } from './chat.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

chat(stage, 'desktop');

test('a message can be edited before its event arrives', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  let held: (() => void)[] | undefined;
  await ada.page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((m) => {
      if (held && String(m).includes('"type":"msg"')) held.push(() => socket.send(m));
      else socket.send(m);
    });
  });
  await ada.page.reload();
  const text = unique('quick');
  await ada.say(text);
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  held = [];
  const next = unique('quicker');
  await ada.say(next);
  await ada.message(next).getByLabel('Sent').waitFor();
  await ada.page.keyboard.press('ArrowUp');
  await ada.page.keyboard.type(' and changed');
  await ada.page.keyboard.press('Enter');
  for (const send of held.splice(0)) send();
  held = undefined;
  await ada.message(`${next} and changed`).getByText('(edited)').waitFor();
  await expect.poll(() => ada.message(text).count()).toBe(1);
});

test('messages that wait to be sent survive a new log-in', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  let held = true;
  await ada.page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((m) => {
      if (!held || !String(m).includes('"type":"send"')) server.send(m);
    });
  });
  await ada.page.reload();
  await ada.log.and(ada.page.locator('[aria-busy=false]')).waitFor();
  const text = unique('waits');
  await ada.say(text);
  await ada.message(text).getByLabel('Sending').waitFor();

  await ada.page.evaluate(async () => {
    const { token } = JSON.parse(localStorage.getItem('hubbub.session')!) as { token: string };
    await fetch('/v1/logout', { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}' });
  });
  await ada.page.getByRole('button', { name: 'Log in again' }).click();
  held = false;
  await ada.page.getByLabel('Name').fill(ada.name);
  await ada.page.getByLabel('Password').fill(password);
  await ada.page.getByRole('button', { name: 'Log in' }).click();
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  await expect.poll(() => ada.message(text).count()).toBe(1);
});

test('an edit that cannot be saved is not lost', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  let refuse = true;
  await ada.page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((m) => {
      const command = JSON.parse(String(m)) as { type: string; id: string };
      if (command.type === 'edit' && refuse) socket.send(JSON.stringify({ type: 'error', id: command.id, code: 'unavailable', message: 'Not now.' }));
      else server.send(m);
    });
  });
  await ada.page.reload();
  const text = unique('plain');
  await ada.say(text);
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.field.press('ArrowUp');
  await ada.field.fill(`${text}, better`);
  await ada.field.press('Enter');
  await ada.page.getByText('The change was not saved').waitFor();
  await ada.page.getByText('Editing').waitFor();
  await expect.poll(() => ada.field.inputValue()).toBe(`${text}, better`);
  refuse = false;
  await ada.field.press('Enter');
  await ada.message(`${text}, better`).getByText('(edited)').waitFor();
  await expect.poll(() => ada.field.inputValue()).toBe('');
});

test('links in a text show their real target, and a text changes nothing around it', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const text = unique('links');
  await ada.say(`${text} https://google.com@evil.example/a and \u202Ehttps://gооgle.com/b שלום`);
  const row = ada.page.getByRole('log').getByRole('article').filter({ hasText: text });
  await row.getByLabel(/^(Sent|Read by)/).waitFor();
  const links = row.locator('.text a');
  await expect.poll(() => links.allTextContents()).toEqual(['https://evil.example/a', 'https://xn--ggle-55da.com/b']);
  expect(await links.evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href))).toEqual(['https://evil.example/a', 'https://xn--ggle-55da.com/b']);
  // From left to right, as written: nothing has reversed their order.
  const [first, second] = [await links.nth(0).boundingBox(), await links.nth(1).boundingBox()];
  expect(first!.y < second!.y || first!.x < second!.x).toBe(true);
});

test('a long name does not make the page wider', async () => {
  const ada = await stage.person('W'.repeat(25), 'desktop');
  await ada.enter('lobby');
  await ada.page.getByRole('complementary').getByText(ada.name).waitFor();
  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
});

test('everything works by keyboard', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.page.keyboard.press('Control+k');
  await ada.page.getByRole('combobox', { name: /^Go to/ }).waitFor();
  await ada.page.keyboard.type('lobby');
  await ada.page.keyboard.press('Enter');
  await ada.field.waitFor();
  await ada.page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA');
  const text = unique('typed');
  await ada.page.keyboard.type(text);
  await ada.page.keyboard.press('Enter');
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.page.keyboard.press('ArrowUp');
  await ada.page.keyboard.type(' and changed');
  await ada.page.keyboard.press('Enter');
  await ada.message(`${text} and changed`).getByText('(edited)').waitFor();
  await ada.log.focus();
  await ada.page.keyboard.press('ArrowUp');
  await ada.page.keyboard.press('Tab');
  await expect.poll(() => ada.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toContain('React with');
  await ada.page.keyboard.press('Enter');
  await ada.log.getByRole('button', { name: /^👍, 1/ }).last().waitFor();
});

test('Tab leads from a message to its tools, also while those load; without them, a second Tab goes on', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  const text = unique('early');
  await ada.say(text);
  await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
  const label = () => ada.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  let tools: 'held' | 'refused' = 'refused';
  let open = () => {};
  await ada.page.route('**/message-tools*.js', async (route) => {
    if (tools === 'refused') return route.abort();
    await new Promise<void>((resolve) => (open = resolve));
    await route.continue();
  });
  await ada.page.reload();
  await ada.message(text).waitFor();
  await ada.log.focus();
  await ada.page.keyboard.press('ArrowUp');
  await ada.page.keyboard.press('Tab');
  await ada.page.getByText('This part of the page cannot be loaded now').waitFor();
  expect(await label()).toContain(text);
  await ada.page.keyboard.press('Tab');
  expect(await label()).toBe('Formatting');

  tools = 'held';
  await ada.page.reload();
  await ada.message(text).waitFor();
  await ada.log.focus();
  await ada.page.keyboard.press('ArrowUp');
  await ada.page.keyboard.press('Tab');
  expect(await label()).toContain(text);
  open();
  await expect.poll(label).toContain('React with');
});

describe.each(['light', 'dark'] as const)('accessibility, %s', (colorScheme) => {
  let ada: Person;

  beforeEach(async () => {
    ada = await Person.open(stage.browser, stage.server.url, unique('Ada'), 'desktop', { colorScheme, bypassCSP: true });
    stage.people.push(ada);
  });

  test('axe finds no fault on any page', async () => {
    await ada.page.getByRole('button', { name: 'Continue as guest' }).waitFor(); // and not the skeleton
    expect(await violations(ada.page)).toEqual([]);
    await ada.guest();
    await ada.enter('lobby');
    const text = unique('something to look at, with https://example.org in it');
    await ada.say(text);
    await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
    await ada.act(text, 'React with 👍');
    await ada.log.getByRole('button', { name: /^👍, 1/ }).last().waitFor();
    expect(await violations(ada.page)).toEqual([]);
    await ada.shot(`room-${colorScheme}`);
    for (const name of ['Create a room', 'Browse rooms', 'New direct message', 'Your account']) {
      await ada.page.getByRole('button', { name }).click();
      await ada.page.getByRole('dialog').waitFor();
      expect(await violations(ada.page)).toEqual([]);
      await ada.page.keyboard.press('Escape');
    }
  });
});
