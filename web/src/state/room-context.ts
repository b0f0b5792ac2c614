import { type App, getApp, setApp } from './app.svelte.ts';

/**
 * What a room needs of what is around it: the page, or an element in the page of another site,
 * which has no list of rooms, no profiles and no addresses of its own.
 */
export interface RoomContext extends Pick<App, 'chat' | 'dialog' | 'toasts' | 'toast' | 'address' | 'within' | 'follow' | 'loginAgain' | 'fullPage' | 'href'> {
  readonly attention: Pick<App['attention'], 'here' | 'idle'>;
  readonly today: Pick<App['today'], 'at'>;
  readonly appearance: { readonly settings: Pick<App['appearance']['settings'], 'comings'> };
  readonly navigation: Pick<App['navigation'], 'openOverlay' | 'go'>;
}

/** What is around a room. */
export const getRoomContext: () => RoomContext = getApp;
/** Puts a room into a place that is not the page. */
export const setRoomContext = setApp as unknown as (context: RoomContext) => RoomContext;
