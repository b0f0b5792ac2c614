import type { Directory } from '../client/index.ts';

/**
 * What this browser can do about notifications: nothing; only in an app that was put on the home
 * screen (iOS); nothing because the user has forbidden it; or more.
 */
export type Ability = 'none' | 'install' | 'denied' | 'able';

export function ability(): Ability {
  const able = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window && isSecureContext;
  if (able) return Notification.permission === 'denied' ? 'denied' : 'able';
  const touch = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === 'MacIntel' && navigator.maxTouchPoints > 1);
  return touch && !matchMedia('(display-mode: standalone)').matches && isSecureContext ? 'install' : 'none';
}

/** The service worker, which is there soon after the page is. */
export const worker = (): Promise<ServiceWorkerRegistration> => navigator.serviceWorker.ready;

/** The key of a server in the form that the Push API takes. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

const same = (a: ArrayBuffer | null | undefined, b: Uint8Array) => {
  const bytes = a && new Uint8Array(a);
  return !!bytes && bytes.length === b.length && bytes.every((v, i) => v === b[i]);
};

/**
 * Has this device told what is new while the page is closed. Asks the user if the browser has not
 * yet; false: they do not want that.
 */
export async function turnOn(directory: Directory): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false;
  await subscribe(directory);
  return true;
}

/** Subscribes, or renews what this browser has of a log-in before. */
export async function subscribe(directory: Directory): Promise<void> {
  const registration = await worker();
  const key = keyBytes((await directory.push()).key);
  let subscription = await registration.pushManager.getSubscription();
  if (subscription && !same(subscription.options.applicationServerKey, key)) {
    await subscription.unsubscribe(); // of another server at this address
    subscription = null;
  }
  subscription ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await directory.putPush(subscription.toJSON() as Record<string, unknown>);
}

/** Tells this device nothing any more. */
export async function turnOff(directory: Directory): Promise<void> {
  await directory.putPush(undefined);
  await (await (await worker()).pushManager.getSubscription())?.unsubscribe();
}

/** Takes away what belongs to somebody who has logged out; the server has forgotten them already. */
export async function forget(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration();
  if (!registration) return;
  for (const n of await registration.getNotifications()) n.close();
  await (await registration.pushManager?.getSubscription())?.unsubscribe();
  if ('clearAppBadge' in navigator) await navigator.clearAppBadge();
}
