import { describe, expect, test } from 'vitest';
import { type Device, devices } from './browser.ts';
import { Stage } from './stage.ts';
import { violations } from './violations.ts';

// Texts of people, as others see them.
const stage = new Stage();

const letter = `# Plan of the *release*
We ship **on Friday**, ~~not Monday~~. See [the notes](https://example.org/notes), https://example.org/路径。

1. Build it
   - tests pass
   - [x] docs
2. Say so to @ada

> Is ||the cake|| a lie?

It is \`a lie\`.

| Part | State | Left |
|:-----|:-----:|-----:|
| edge | done | 0 |
| page | **open** | 12 |

\`\`\`go
func main() {
	fmt.Println("hello", 42) // greets
}
\`\`\``;

describe.each(Object.keys(devices) as Device[])('on a %s', (device) => {
  test('Markdown is formatted, works by keyboard, and is accessible', async () => {
    // With the page's own content security policy.
    const ada = await stage.newcomer('Ada', device, 'guest');
    await ada.enter('lobby');
    await ada.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await ada.say(letter);
    const text = ada.log.locator('.message-text').last();
    await text.getByRole('heading', { name: 'Plan of the release' }).waitFor();
    expect(await text.locator('strong').first().innerText()).toBe('on Friday');
    expect(await text.locator('s').innerText()).toBe('not Monday');
    expect(await text.locator('a').first().getAttribute('href')).toBe('https://example.org/notes');
    expect(await text.innerText()).toContain('the notes (example.org)');
    expect(await text.locator('ol > li > ul > li').allInnerTexts()).toEqual(['tests pass', '☑ docs']);
    expect(await text.locator('td').allInnerTexts()).toEqual(['edge', 'done', '0', 'page', 'open', '12']);

    // A worker of the page's own finds the tokens.
    await text.locator('pre .keyword', { hasText: 'func' }).waitFor();
    expect(await text.locator('pre .string').innerText()).toBe('"hello"');
    await text.getByRole('button', { name: 'Copy the code' }).click();
    await text.getByText('Copied').waitFor();
    expect(await ada.page.evaluate(() => navigator.clipboard.readText())).toContain('fmt.Println("hello", 42)');

    const spoiler = text.getByRole('button', { name: /^Spoiler/ });
    expect(await spoiler.locator('span').evaluate((e) => getComputedStyle(e).visibility)).toBe('hidden');
    await ada.shot('markdown');
    await spoiler.press('Enter');
    expect(await text.locator('.spoiler').innerText()).toBe('the cake');
  });

  test.each(['light', 'dark'] as const)('in %s', async (colorScheme) => {
    const ada = await stage.person('Ada', device);
    await ada.page.emulateMedia({ colorScheme });
    await ada.enter('lobby');
    await ada.say(letter);
    await ada.log.locator('pre .keyword').last().waitFor();
    for (const emoji of ['🎉', '👍🏽❤️👨‍👩‍👧']) await ada.say(emoji);
    const size = (e: string) => ada.log.locator('p', { hasText: e }).last().evaluate((p) => parseFloat(getComputedStyle(p).fontSize));
    await expect.poll(() => size('👍🏽')).toBeGreaterThan(30);
    await ada.shot(`markdown-${colorScheme}`);
    expect(await violations(ada.page)).toEqual([]);
  });
});

describe.each(Object.keys(devices) as Device[])('writing on a %s', (device) => {
  test('an emoji is found, has a tone of skin and is offered again, by keyboard alone', async () => {
    const ada = await stage.person('Ada', device);
    await ada.enter('lobby');
    if (device === 'phone') await ada.page.getByRole('button', { name: 'Formatting' }).click();
    const open = () => ada.page.getByRole('button', { name: 'Insert an emoji' }).filter({ visible: true }).click();
    await open();
    const picker = ada.page.getByRole('dialog', { name: 'Choose an emoji' });
    const find = picker.getByRole('combobox', { name: 'Find an emoji' });
    await find.waitFor();
    await expect.poll(() => find.evaluate((e) => e === document.activeElement)).toBe(true);
    expect(await picker.getByRole('option').count()).toBeLessThan(200); // of two thousand
    await ada.shot('emoji');
    expect(await violations(ada.page)).toEqual([]);
    await picker.getByRole('radio', { name: 'Medium', exact: true }).check();
    await find.fill('waving');
    await picker.getByRole('option', { name: 'waving hand' }).waitFor();
    await find.press('Enter');
    await expect.poll(() => ada.field.inputValue()).toBe('👋🏽');
    await ada.page.keyboard.press('Control+z');
    await expect.poll(() => ada.field.inputValue()).toBe('');

    await open();
    await find.waitFor();
    expect(await picker.getByRole('option', { selected: true }).innerText()).toBe('👋🏽');
    await find.press('ArrowDown');
    await find.press('ArrowRight');
    expect(await picker.getByRole('option', { selected: true }).getAttribute('aria-label')).toBe('grinning face with big eyes');
    for (let i = 0; i < 40; i++) await find.press('ArrowDown');
    const selected = picker.getByRole('option', { selected: true });
    const box = await picker.getByRole('listbox').boundingBox();
    const cell = await selected.boundingBox();
    expect(cell!.y >= box!.y && cell!.y + cell!.height <= box!.y + box!.height + 1).toBe(true);
    await find.press('Escape');
    await picker.waitFor({ state: 'hidden' });

    // A shortcode suggests emoji, and becomes one when it is complete.
    await ada.field.pressSequentially('so :tad');
    await ada.page.getByRole('option', { name: /:tada:/ }).waitFor();
    await ada.field.press('Enter');
    await expect.poll(() => ada.field.inputValue()).toBe('so 🎉 ');
    await ada.field.pressSequentially(':+1:');
    await expect.poll(() => ada.field.inputValue()).toBe('so 🎉 👍🏽');
  });

  test('a preview shows formats while one types, and pasted text becomes a table or code', async () => {
    const ada = await stage.person('Ada', device);
    await ada.enter('lobby');
    await ada.field.fill('a word');
    expect(await ada.page.getByRole('region', { name: 'Preview' }).count()).toBe(0);
    await ada.field.evaluate((e: HTMLTextAreaElement) => e.setSelectionRange(2, 6));
    await ada.page.getByRole('button', { name: 'Formatting' }).click();
    await ada.page.getByRole('toolbar', { name: 'Formatting' }).getByRole('button', { name: 'Bold' }).click();
    expect(await ada.field.inputValue()).toBe('a **word**');
    await ada.field.press('Control+i');
    expect(await ada.field.inputValue()).toBe('a ***word***');
    await ada.field.press('Control+z');
    expect(await ada.field.inputValue()).toBe('a **word**');
    await ada.page.getByRole('region', { name: 'Preview' }).locator('strong', { hasText: 'word' }).waitFor();
    await ada.field.press('End');
    await ada.field.press('Shift+Enter');
    await ada.field.pressSequentially('- one');
    await ada.field.press('Shift+Enter');
    await ada.field.pressSequentially('two');
    expect(await ada.field.inputValue()).toBe('a **word**\n- one\n- two');
    await expect.poll(() => ada.page.getByRole('region', { name: 'Preview' }).locator('li').allInnerTexts()).toEqual(['one', 'two']);
    await ada.shot('composer');
    expect(await violations(ada.page)).toEqual([]);

    const paste = (types: Record<string, string>) => ada.field.evaluate((e, t) => {
      const data = new DataTransfer();
      for (const [type, text] of Object.entries(t)) data.setData(type, text);
      e.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, types);
    await ada.field.fill('');
    await paste({ 'text/plain': 'a b\nc d', 'text/html': '<meta charset=utf-8><table><tr><th>a<th>b<tr><td>c<td><img src=x onerror=alert(1)>d</table>' });
    expect(await ada.field.inputValue()).toBe('| a | b |\n| --- | --- |\n| c | d |\n');
    await ada.field.fill('');
    await paste({ 'text/plain': 'func a() {\n\tb()\n}' });
    expect(await ada.field.inputValue()).toBe('```\nfunc a() {\n\tb()\n}\n```\n');
    await ada.field.press('Control+z');
    expect(await ada.field.inputValue()).toBe('func a() {\n\tb()\n}');
    await ada.field.press('Control+z');
    expect(await ada.field.inputValue()).toBe('');
  });
});

test('Enter or Ctrl+Enter sends, as the user has chosen', async () => {
  const ada = await stage.person('Ada', 'desktop');
  await ada.enter('lobby');
  await ada.field.fill('by Enter');
  await ada.field.press('Enter');
  await ada.message('by Enter').waitFor();
  await ada.page.getByRole('button', { name: 'Formatting' }).click();
  await ada.page.getByRole('button', { name: 'Enter sends. Change it' }).click();
  await ada.page.reload();
  await ada.enter('lobby');
  await ada.field.fill('by');
  await ada.field.press('End');
  await ada.field.press('Enter');
  await ada.field.pressSequentially('Ctrl');
  expect(await ada.field.inputValue()).toBe('by\nCtrl');
  await ada.field.press('Control+Enter');
  await ada.message('by\nCtrl').waitFor();
});
