import { describe, expect, test } from 'vitest';
import { type Device, devices } from './browser.ts';
import { Stage } from './stage.ts';
import { violations } from './violations.ts';

// What people write, as others see it.
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
  test('Markdown is shown as what it means, by keyboard too, and without a fault of accessibility', async () => {
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
