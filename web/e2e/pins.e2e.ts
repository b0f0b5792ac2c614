import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Device, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();
const panel = (p: Person) => p.page.getByRole('complementary', { name: 'Pinned messages' });
const pins = (p: Person) => panel(p).getByRole('article');

async function open(p: Person): Promise<void> {
  if (p.device === 'phone') await p.page.getByRole('button', { name: /^People/ }).click();
  const place = p.device === 'phone' ? p.page.getByRole('complementary', { name: 'People' }) : p.page.locator('main > header');
  await place.getByRole('button', { name: 'Pinned messages' }).click();
  await panel(p).waitFor();
}

test.each<Device>(['desktop', 'phone'])('pinned messages are listed with who pinned them, and lead to their place, on a %s', async (device) => {
  const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', 'desktop')]);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const name = unique('Plans');
  await api.createRoom(token, name, 'What comes next', false);
  const found = (await api.rooms((await api.login(bo.name, password)).token)).find((r) => r.name === name)!;
  await api.join((await api.login(bo.name, password)).token, found.id);
  await ada.enter(name);
  await bo.enter(name);
  const [one, two] = [unique('The **first** plan'), unique('second')] as const;
  await ada.say(one);
  await bo.say(two);
  await ada.message(two).waitFor();
  await open(bo);
  await panel(bo).getByText('Nothing is pinned here.').waitFor();

  await ada.act(two, 'Pin');
  await ada.message(two).or(ada.log.getByRole('article').filter({ hasText: two })).getByText('Pinned by you').waitFor();
  await expect.poll(() => pins(bo).count()).toBe(1);
  await pins(bo).getByText(`Pinned by ${ada.name}`).waitFor();
  expect(await panel(bo).getByRole('button', { name: 'Unpin' }).count()).toBe(0);
  await open(ada);
  await pins(ada).getByText(two).waitFor();
  await ada.shot('pins');
  expect(await violations(ada.page)).toEqual([]);

  await panel(ada).getByRole('link', { name: 'Show in its place' }).click();
  await ada.log.locator('.found').getByText(two).waitFor();
  if (device === 'phone') {
    await panel(ada).waitFor({ state: 'hidden' });
    await open(ada);
  }
  await panel(ada).getByRole('button', { name: 'Unpin' }).click();
  await expect.poll(() => pins(bo).count()).toBe(0);
  await panel(ada).getByText('Nothing is pinned here.').waitFor();
  await ada.page.keyboard.press('Escape');
  await panel(ada).waitFor({ state: 'hidden' });
});
