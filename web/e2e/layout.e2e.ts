import { beforeAll, expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { bot } from './bot.ts';
import { password } from './browser.ts';
import { outside } from './outside.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage();

// None of them can break between lines, one is wider than ten letters, and one runs from right to
// left.
const names = ['W'.repeat(32), 'م'.repeat(32), '漢'.repeat(32)];
const roomName = 'W'.repeat(57);
const topic = `${'﷽'.repeat(20)}${'W'.repeat(200)}`;
const texts = [
  'W'.repeat(3_000), '﷽'.repeat(60), `https://example.org/${'a'.repeat(2_000)}`, `[${'W'.repeat(200)}](https://${'a'.repeat(60)}.example.org/)`,
  `\`${'W'.repeat(500)}\``, `\`\`\`\n${'W'.repeat(500)}\n\`\`\``, `# ${'W'.repeat(300)}`, `> > > ${'W'.repeat(300)}`, `- - - - - - - - - - ${'W'.repeat(300)}`,
  `||${'W'.repeat(300)}||`, `|${'W'.repeat(80)}|${'W'.repeat(80)}|${'W'.repeat(80)}|\n|-|-|-|\n|a|b|c|`, `|${'a|'.repeat(40)}\n|${'-|'.repeat(40)}\n`, `${'a\u0300'.repeat(500)}`, `a${'\u0300'.repeat(300)}b`,
  `@${'W'.repeat(32)} ${'\u0488'.repeat(200)}`, '👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', `100000000. ${'W'.repeat(100)}`,
];

beforeAll(async () => {
  for (const name of names) await new Api(stage.server.url).register(name, password);
});

test.each([320, 721, 1_024])('no name, topic or word breaks the layout of a window of %i', async (width) => {
  const ada = await stage.person('W'.repeat(25), 'desktop');
  await ada.page.setViewportSize({ width, height: 640 });
  const seen = async (view: string) => {
    await ada.shot(`layout-${width}-${view}`);
    expect(await outside(ada), view).toEqual([]);
  };
  const dialog = ada.page.getByRole('dialog');
  const name = unique(roomName);
  await ada.page.getByRole('button', { name: 'Create a room' }).click();
  await seen('create');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Topic').fill(topic);
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await ada.field.waitFor();
  expect((await ada.field.boundingBox())!.height).toBeLessThan(50); // with the name of the room in it
  const writer = await bot(stage.server.url, unique('W'.repeat(16)));
  const info = (await writer.directory.rooms()).find((r) => r.name === name)!;
  await writer.joinRoom(info);
  for (const text of texts) {
    await ada.say(text);
    await ada.log.locator('.message-text').last().waitFor();
    await seen('room');
  }
  writer.send(info.id, texts[0]!);
  await ada.log.getByText(texts[0]!).last().waitFor();
  writer.stop();
  for (const row of await ada.log.getByRole('article').all()) {
    await row.scrollIntoViewIfNeeded();
    await row.hover();
    if (await row.getByRole('button', { name: 'React with 👍' }).isVisible()) break;
  }
  await seen('actions');
  await ada.page.getByRole('button', { name: 'Formatting' }).click();
  await ada.field.fill(`**${'W'.repeat(500)}** @WWW`);
  await ada.page.getByRole('region', { name: 'Preview' }).waitFor();
  await seen('composer');
  await ada.field.fill('');
  await ada.field.pressSequentially('@W');
  await ada.page.getByRole('listbox', { name: 'Names' }).waitFor().catch(() => undefined);
  await seen('names');
  await ada.field.fill('');
  const people = ada.page.getByRole('complementary', { name: 'People' });
  if (!(await people.isVisible())) await ada.page.getByRole('button', { name: /^People/ }).click();
  await people.waitFor();
  await seen('people');
  await ada.page.keyboard.press('Escape');
  const close = people.getByRole('button', { name: 'Close' });
  if (await close.isVisible()) await close.click();
  await ada.page.getByRole('button', { name: 'in your list' }).click();
  await dialog.getByText('Favourite').waitFor();
  await dialog.getByLabel('Or a new section').fill('W'.repeat(40));
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect.poll(() => dialog.locator('select').last().locator('option').count()).toBe(2);
  await seen('placing');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await ada.leaveRoom();
  await seen('list');
  for (const [keys, wait] of [['Control+k', /^Go to/], ['?', /^Keyboard/]] as const) {
    await ada.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    // Keys that are pressed while the previous dialog still closes get lost.
    const opened = ada.page.getByRole('dialog', { name: wait });
    await expect.poll(async () => {
      if (!(await opened.isVisible())) await ada.page.keyboard.press(keys);
      return opened.isVisible();
    }).toBe(true);
    if (keys !== '?') await dialog.getByRole('option').first().waitFor();
    await seen(`dialog-${keys === '?' ? 'keys' : 'go'}`);
    await ada.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  }
  for (const button of ['Browse rooms', 'New direct message', 'Your account']) {
    await ada.page.getByRole('button', { name: button }).click();
    await dialog.waitFor();
    if (button === 'New direct message') {
      await dialog.getByRole('searchbox').or(dialog.getByRole('textbox')).first().fill('W');
      await dialog.getByText(names[0]!).first().waitFor();
    } else if (button === 'Browse rooms') await dialog.getByText(topic.slice(0, 10)).first().waitFor();
    await seen(button.replaceAll(' ', '-'));
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'hidden' });
  }
});
