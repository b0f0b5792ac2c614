import { expect, test } from 'vitest';
import type { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

/** The headings of the list and the rooms under each. */
const list = (p: Person) => p.rooms.evaluate((nav) => [...nav.querySelectorAll('h2')].map((h) => `${h.textContent}: ${[...(h.nextElementSibling?.querySelectorAll('.name') ?? [])].map((n) => n.textContent).join(' ')}`));

test('favourites, sections and muted rooms have their order on every device', async () => {
  const ada = await stage.person('Ada', 'desktop');
  const phone = await stage.again(ada, 'phone');
  const dialog = ada.page.getByRole('dialog');
  const place = async (room: string, change: () => Promise<unknown>) => {
    await ada.enter(room);
    await ada.page.getByRole('button', { name: 'in your list' }).click();
    await dialog.getByText('Favourite').waitFor();
    await change();
    expect(await violations(ada.page)).toEqual([]);
    await ada.shot('placing');
    await ada.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  };
  await place('random', () => dialog.getByLabel('Favourite').check());
  await place('help', async () => {
    await dialog.getByLabel('Or a new section').fill('Work');
    await dialog.getByRole('button', { name: 'Add' }).click();
  });
  await place('lobby', () => dialog.getByLabel('Muted').check());
  const order = ['Favourites: Random', 'Work: Help', 'Muted: Lobby'];
  for (const p of [ada, phone]) await expect.poll(() => list(p)).toEqual(order);
  await ada.shot('list-order');
  await ada.page.reload();
  await expect.poll(() => list(ada)).toEqual(order);
  // Muted rooms do not count, unless the user is mentioned.
  const bo = await stage.person('Bo', 'desktop');
  await ada.enter('random');
  await bo.enter('lobby');
  await bo.say('nothing for you');
  await ada.room('lobby').getByText('unread').waitFor();
  expect(await ada.page.title()).not.toMatch(/^\(/);
  await bo.say(`but this, @${ada.name}`);
  await expect.poll(() => list(ada)).toEqual(['Unread: Lobby', 'Favourites: Random', 'Work: Help']);
  await expect.poll(() => ada.page.title()).toMatch(/^\(1\)/);
  // It stays while it is open, and returns to its place after that.
  await ada.enter('lobby');
  expect((await list(ada))[0]).toBe('Unread: Lobby');
  await ada.enter('random');
  await expect.poll(() => list(ada)).toEqual(order);
});

test('Ctrl+K leads to rooms, people, messages and actions', async () => {
  const [ada, bo] = [await stage.person('Ada', 'desktop'), await stage.person('Bo', 'desktop')];
  const field = ada.page.getByRole('combobox', { name: /^Go to/ });
  const go = async (what: string, option: string | RegExp) => {
    await ada.page.keyboard.press('Control+k');
    await field.fill(what);
    await ada.page.getByRole('option', { name: option }).waitFor();
    if (what === 'ran') {
      expect(await violations(ada.page)).toEqual([]);
      await ada.shot('go');
    }
    await field.press('Enter');
  };
  await go('ran', /^Random/);
  await ada.page.getByRole('heading', { level: 1, name: 'Random' }).waitFor();
  await go(bo.name, new RegExp(bo.name));
  await ada.page.getByRole('heading', { level: 1, name: bo.name }).waitFor();
  const word = unique('Zitrone').replaceAll('-', '');
  await ada.enter('lobby');
  await ada.say(`A **${word}** for you`);
  await ada.message(`A ${word} for you`).getByLabel(/^(Sent|Read by)/).waitFor();
  await ada.enter('random');
  await go(word.toLowerCase(), new RegExp(`${word}.*Lobby`));
  await ada.page.getByRole('heading', { level: 1, name: 'Lobby' }).waitFor();
  await ada.message(`A ${word} for you`).waitFor();
  expect(ada.page.url()).toMatch(/#\/room\/lobby\/\d+$/);
  // The dialog says if it finds nothing or the search fails; closing it ends the search.
  await ada.page.keyboard.press('Control+k');
  const status = ada.page.getByRole('dialog').getByRole('status');
  await field.fill(unique('nowhere'));
  await status.getByText('No message has these words.').waitFor();
  let hold = true;
  await ada.page.route('**/v1/search?*', async (route) => {
    if (!hold) await route.abort();
  });
  const [ended] = await Promise.all([ada.page.waitForEvent('requestfailed', (r) => r.url().includes('/v1/search')), (async () => {
    await field.fill(word);
    await ada.page.waitForRequest('**/v1/search?*');
    await status.getByText('Searching messages…').waitFor();
    await ada.shot('go-messages');
    hold = false;
    await field.fill(`${word}x`);
  })()]);
  expect(ended.failure()?.errorText).toContain('ABORTED');
  await status.getByText(/^The messages were not searched\./).waitFor();
  await ada.page.keyboard.press('Escape');
  await go('shortc', 'Keyboard shortcuts');
  await ada.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
});

test('the choices of theme, density and time outlast a reload', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await ada.say(unique('hello'));
  const height = () => ada.room('help').evaluate((e) => e.getBoundingClientRect().height);
  const canvas = () => ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [tall, light] = [await height(), await canvas()];
  await ada.page.getByRole('button', { name: 'Your account' }).click();
  await ada.page.getByRole('tab', { name: 'Look' }).click();
  for (const name of ['Dark', 'Compact', '15:05']) await ada.page.getByText(name, { exact: true }).click();
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('look');
  await ada.page.keyboard.press('Escape');
  await ada.page.waitForFunction(() => (history.state as { layer?: string }).layer === undefined);
  await ada.page.reload();
  await ada.log.getByRole('article').last().waitFor();
  expect(await canvas()).not.toBe(light);
  expect(await height()).toBeLessThan(tall - 15);
  await expect.poll(() => ada.log.locator('article .head time').last().textContent()).toMatch(/^\d\d:\d\d$/);
  expect(await violations(ada.page)).toEqual([]);
  await ada.shot('dark-compact');
});
