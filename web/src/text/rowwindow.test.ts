import { expect, test } from 'vitest';
import { Heights, mostRows, step, type Slice } from './rowwindow.ts';

const height = () => 30;
const view = 600;

/** Where a slice stands, with the row at `top` at the view's upper edge. */
const at = (slice: Slice, top: number) => ({ above: (top - slice.from) * 30, below: (slice.to - top) * 30 - view });

/** Steps until nothing is left to do, and returns the slices on the way. */
function settle(count: number, slice: Slice, top: number, chunk = 10): Slice[] {
  const all = [slice];
  for (let i = 0; i < 1_000; i++) {
    const next = step(count, all.at(-1)!, at(all.at(-1)!, top), view, chunk, height);
    if (next === all.at(-1)) return all;
    all.push(next);
  }
  throw new Error('it never ends');
}

test('rows come a few with each step, until they reach beyond the view on both sides', () => {
  const slices = settle(1_000, { from: 500, to: 520 }, 500);
  slices.slice(1).forEach((s, i) => {
    expect(slices[i]!.from - s.from).toBeLessThanOrEqual(10);
    expect(s.to - slices[i]!.to).toBeLessThanOrEqual(10);
  });
  const { above, below } = at(slices.at(-1)!, 500);
  expect(above).toBeGreaterThanOrEqual(view);
  expect(below).toBeGreaterThanOrEqual(view);
});

test('rows that are far away go, on either side', () => {
  expect(settle(1_000, { from: 100, to: 520 }, 500).at(-1)!.from).toBeGreaterThan(400);
  expect(settle(1_000, { from: 490, to: 900 }, 500).at(-1)!.to).toBeLessThan(600);
  const slice = { from: 100, to: 400 };
  expect(step(1_000, slice, at(slice, 350), view, 10, height, true).from).toBe(100); // text of them is selected
});

test('nothing is done at the ends of the list', () => {
  const all = { from: 0, to: 8 };
  expect(step(8, all, at(all, 0), view, 10, height)).toBe(all);
});

test('where the view has left the slice another begins, with few rows', () => {
  for (const top of [3, 200, 940, 995]) {
    const slices = settle(1_000, { from: 500, to: 530 }, top);
    expect(slices[1]!.to - slices[1]!.from).toBeLessThanOrEqual(10);
    expect(slices.at(-1)!.from).toBeLessThanOrEqual(top);
    expect(slices.at(-1)!.to).toBeGreaterThan(top);
  }
});

test('there are never more rows than may be, however high the view and low the rows', () => {
  const low = () => 4;
  let slice: Slice = { from: 5_000, to: 5_010 };
  for (let i = 0; i < 400; i++) {
    slice = step(10_000, slice, { above: (5_000 - slice.from) * 4, below: (slice.to - 5_000) * 4 - 900 }, 900, 10, low, i > 200);
    expect(slice.to - slice.from).toBeLessThanOrEqual(mostRows);
  }
});

test('a row that was never measured is as high as others of its kind', () => {
  const heights = new Heights();
  heights.measured('a', 'short', 20);
  heights.measured('b', 'short', 40);
  heights.measured('b', 'short', 30);
  expect([heights.of('a', 'short'), heights.of('b', 'short'), heights.of('c', 'short')]).toEqual([20, 30, 25]);
  heights.clear();
  expect(heights.knows('a')).toBe(false);
});

test('what is remembered of rows does not grow with all that went by', () => {
  const heights = new Heights();
  for (let i = 0; i < 5_000; i++) {
    heights.measured(`${i}`, 'row', 20);
    heights.keep(new Map([[`${i}`, i]]));
  }
  expect(Array.from({ length: 5_000 }, (_, i) => heights.knows(`${i}`)).filter(Boolean).length).toBeLessThan(1_100);
});
