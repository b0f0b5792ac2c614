import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { bot, saySome } from './bot.ts';
import { password, type Device } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

test.each<Device>(['desktop', 'phone'])('messages are found, narrowed by filters, and shown in their place, on a %s', async (device) => {
  const ada = await stage.person('Ada', device);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const name = unique('Mêmes');
  const { id } = await api.createRoom(token, name, '', false);
  const writer = await bot(stage.server.url, unique('Writer'));
  await writer.joinRoom((await writer.directory.rooms()).find((r) => r.id === id)!);
  const word = unique('Zitrone').replaceAll('-', '');
  const lines = Array.from({ length: 90 }, (_, i) => `line ${i + 1}`);
  lines[2] = `The first ${word} 👩‍💻 was écrite here`;
  lines[60] = `Another ${word}, see https://example.org/`;
  await saySome(writer, id, lines);
  writer.stop();

  await ada.enter(name);
  if (device === 'desktop') await ada.page.keyboard.press('Control+Shift+F');
  else await ada.page.getByRole('button', { name: 'Search messages' }).click();
  const panel = ada.page.getByRole('complementary', { name: 'Search' });
  const field = panel.getByRole('combobox', { name: 'Search messages' });
  await field.fill(word.slice(0, -2).toUpperCase());
  const results = panel.locator('a.result');
  await expect.poll(() => results.count()).toBe(2);
  expect(await results.first().locator('mark').innerText()).toBe(word);
  await panel.getByText('2 messages found').waitFor();
  await ada.shot('search');
  expect(await violations(ada.page)).toEqual([]);

  // A filter from a suggestion, typed without its accent.
  await field.press('End');
  await field.pressSequentially(' in:meme');
  await panel.getByRole('option').first().waitFor();
  await ada.shot('search-suggestions');
  await field.press('Enter');
  await panel.getByRole('button', { name: `Remove the filter in:${name}` }).waitFor();
  await panel.getByRole('button', { name: 'Has a link' }).click();
  await expect.poll(() => results.count()).toBe(1);
  await panel.getByRole('button', { name: 'Remove the filter has:link' }).click();
  await expect.poll(() => results.count()).toBe(2);

  // A sentence says what is wrong, or that nothing was found.
  await field.fill('before:1960 x');
  await panel.getByText('before 1970').waitFor();
  await panel.getByRole('button', { name: 'Remove the filter before:1960' }).click();
  await field.fill('nothingofthekind');
  await panel.getByText('No message matches.').waitFor();

  // By the keyboard to the second result, which is far above.
  await field.fill(`${word} ecrite`);
  await expect.poll(() => results.count()).toBe(1);
  await field.press('ArrowDown');
  await expect.poll(() => results.first().evaluate((e) => e === document.activeElement)).toBe(true);
  await ada.page.keyboard.press('Enter');
  const first = ada.log.getByText(`The first ${word}`);
  await first.waitFor();
  await expect.poll(async () => {
    const box = await first.boundingBox();
    return box !== null && box.y > 0 && box.y < ada.page.viewportSize()!.height;
  }).toBe(true);
  if (device === 'phone') await panel.waitFor({ state: 'hidden' });
  await ada.shot('search-jumped');
});
