import { expect, test } from 'vitest';
import type { Device, Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();
const panel = (p: Person) => p.page.getByRole('complementary', { name: 'Saved messages' });
const saved = (p: Person) => panel(p).getByRole('article');

async function open(p: Person): Promise<void> {
  await p.leaveRoom();
  await p.page.getByRole('button', { name: 'Saved messages' }).click();
  await panel(p).waitFor();
}

test.each<Device>(['desktop', 'phone'])('messages are saved for oneself, on all devices, and lead to their place, on a %s', async (device) => {
  const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', 'desktop')]);
  const other = await stage.again(ada, 'desktop');
  await ada.enter('lobby');
  await bo.enter('lobby');
  const [one, two] = [unique('one'), unique('two')] as const;
  await bo.say(one);
  await bo.say(two);
  await ada.message(two).waitFor();
  await open(other);
  await panel(other).getByText('Nothing is saved yet.').waitFor();
  await ada.act(one, 'Save for later');
  await expect.poll(() => saved(other).count()).toBe(1);
  await ada.act(two, 'Save for later');
  await expect.poll(() => saved(other).first().innerText()).toContain(two);

  await open(ada);
  await expect.poll(() => saved(ada).count()).toBe(2);
  await ada.shot('saved');
  expect(await violations(ada.page)).toEqual([]);
  await saved(ada).filter({ hasText: one }).getByRole('link', { name: 'Show in its place' }).click();
  await ada.log.locator('.found').getByText(one).waitFor();
  await ada.touch(one);
  await ada.tools(one).getByRole('button', { name: 'Remove from saved' }).waitFor();
  if (device === 'phone') await ada.page.keyboard.press('Escape');

  await saved(other).filter({ hasText: one }).getByRole('button', { name: 'Remove' }).click();
  await expect.poll(() => saved(other).count()).toBe(1);
  await bo.act(two, 'Delete');
  await bo.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await bo.log.getByText('Message deleted').last().waitFor();
  await other.page.reload();
  await open(other);
  await panel(other).getByText('Message deleted').waitFor();
});
