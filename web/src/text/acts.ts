import { hole } from '../lang/pieces.ts';
import { m } from '../lang/language.svelte.ts';

/** The actions of the audit log, in words. */
export const actNames: Readonly<Record<string, () => string>> = {
  'account.create': () => m.auditAccountCreate(),
  'account.delete': () => m.auditAccountDelete(),
  'account.disable': () => m.auditAccountDisable(),
  'account.enable': () => m.auditAccountEnable(),
  'account.sign-out': () => m.auditAccountSignOut(),
  'account.password': () => m.auditAccountPassword(),
  'account.mail': () => m.auditAccountMail(),
  'account.reset.link': () => m.auditAccountResetLink(),
  'account.reset': () => m.auditAccountReset(),
  'session.end': () => m.auditSessionEnd(),
  'session.stolen': () => m.auditSessionStolen(),
  'server.setup': () => m.auditServerSetup(),
  'server.import': () => m.auditServerImport(),
  'server.role': () => m.auditServerRole(),
  'server.admission': () => m.auditServerAdmission(),
  'emoji.add': () => m.auditEmojiAdd(),
  'emoji.remove': () => m.auditEmojiRemove(),
  'server.hold': () => m.auditServerHold(),
  'server.hold.lift': () => m.auditServerHoldLift(),
  'server.hold.export': () => m.auditServerHoldExport(),
  'server.retention': () => m.auditServerRetention(),
  'room.reset': () => m.auditRoomReset(),
  'room.retention': () => m.auditRoomRetention(),
  'invitation.create': () => m.auditInvitationCreate(),
  'invitation.revoke': () => m.auditInvitationRevoke(),
  'server.ban': () => m.auditServerBan(),
  'server.unban': () => m.auditServerUnban(),
  'network.ban': () => m.auditNetworkBan(),
  'network.unban': () => m.auditNetworkUnban(),
  'server.mute': () => m.auditServerMute(),
  'server.unmute': () => m.auditServerUnmute(),
  'server.purge': () => m.auditServerPurge(),
  'report.take': () => m.auditReportTake(),
  'report.context': () => m.auditReportContext(),
  'report.resolve': () => m.auditReportResolve(),
  'room.create': () => m.auditRoomCreate(),
  'room.change': () => m.auditRoomChange(),
  'room.archive': () => m.auditRoomArchive(),
  'room.restore': () => m.auditRoomRestore(),
  'room.delete': () => m.auditRoomDelete(),
  'room.ban': () => m.auditRoomBan(),
  'room.unban': () => m.auditRoomUnban(),
  'room.mute': () => m.auditRoomMute(),
  'room.unmute': () => m.auditRoomUnmute(),
  'room.purge': () => m.auditRoomPurge(),
  'member.add': () => m.auditMemberAdd(),
  'member.role': () => m.auditMemberRole(),
  'member.remove': () => m.auditMemberRemove(),
  'audit.export': () => m.auditAuditExport(),
  'room.export': () => m.auditRoomExport(),
  'account.export': () => m.auditAccountExport(),
};

/** An action in words; an action that this page does not know stays as the log has it. */
export const actName = (action: string): string => (Object.hasOwn(actNames, action) ? actNames[action]!() : action);

/** The outcome of a report. */
const outcomes: Readonly<Record<string, () => string>> = {
  dismiss: () => m.outcomeDismiss(), delete: () => m.outcomeDelete(), mute: () => m.outcomeMute(), ban: () => m.outcomeBan(), purge: () => m.outcomePurge(),
};
export const outcomeName = (outcome: string): string => (Object.hasOwn(outcomes, outcome) ? outcomes[outcome]!() : outcome);

/**
 * Who did something, as messages take it, with a hole for the name. Without an id it was nobody of
 * this server, and without a name either it was at the console.
 */
export const actor = (id: string, name: string): { readonly who: string; readonly name: string } => ({ who: name ? '' : id ? 'deleted' : 'console', name: hole(0) });

/**
 * The beginning of the reader's day that a date field names (2026-03-29), UTC ms, or `later` days
 * after it. Undefined: it names none.
 */
export function dayStart(date: string | undefined, later = 0): number | undefined {
  const [, year, month, day] = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(date ?? '') ?? [];
  if (year === undefined) return undefined;
  const at = new Date(Number(year), Number(month) - 1, Number(day) + later).getTime();
  return Number.isNaN(at) ? undefined : at;
}

/** Why nobody can register with an invitation; undefined: it is good. */
export function invitationOver(i: { readonly uses: number; readonly used: number; readonly expires: number; readonly revoked: boolean }, now: number): string | undefined {
  if (i.revoked) return m.invitationTakenBack();
  if (i.used >= i.uses) return m.invitationUsedUp();
  return i.expires <= now ? m.invitationOver() : undefined;
}
