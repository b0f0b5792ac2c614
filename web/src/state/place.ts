import { type App, getApp, setApp } from './app.svelte.ts';

/**
 * What a room needs of what is around it: the page, or an element in the page of another site,
 * which has no list of rooms, no profiles and no addresses of its own.
 */
export interface Place extends Pick<App, 'chat' | 'dialog' | 'toasts' | 'toast' | 'address' | 'within' | 'follow' | 'loginAgain' | 'whole' | 'href'> {
  readonly attention: Pick<App['attention'], 'here' | 'idle'>;
  readonly today: Pick<App['today'], 'at'>;
  readonly look: { readonly choice: Pick<App['look']['choice'], 'comings'> };
  readonly layers: Pick<App['layers'], 'open' | 'go'>;
}

/** What is around a room. */
export const getPlace: () => Place = getApp;
/** Puts a room into a place that is not the page. */
export const setPlace = setApp as unknown as (place: Place) => Place;
