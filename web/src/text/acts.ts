/** The actions of the audit log, in words. */
export const actNames: Readonly<Record<string, string>> = {
  'account.create': 'Account created',
  'account.delete': 'Account deleted',
  'account.disable': 'Account disabled',
  'account.enable': 'Account enabled',
  'account.sign-out': 'Signed out everywhere',
  'account.password': 'Password changed',
  'account.mail': 'Mail address confirmed or removed',
  'account.reset.link': 'Link for a new password created',
  'account.reset': 'New password chosen by a link',
  'session.end': 'Log-in ended',
  'session.stolen': 'Log-in stolen',
  'server.setup': 'Server set up',
  'server.import': 'Import of another server',
  'server.role': 'Role on the server changed',
  'server.admission': 'Changed who may come in',
  'emoji.add': 'Emoji added',
  'emoji.remove': 'Emoji removed',
  'server.hold': 'Legal hold made',
  'server.hold.lift': 'Legal hold lifted',
  'server.hold.export': 'What a legal hold kept was copied',
  'server.retention': 'Changed how long messages are kept',
  'room.reset': 'Room reset',
  'room.retention': 'Old messages removed',
  'invitation.create': 'Invitation created',
  'invitation.revoke': 'Invitation revoked',
  'server.ban': 'Banned from the server',
  'server.unban': 'Ban from the server lifted',
  'network.ban': 'Network banned',
  'network.unban': 'Ban of a network lifted',
  'server.mute': 'Muted everywhere',
  'server.unmute': 'Mute everywhere lifted',
  'server.purge': 'Messages removed everywhere',
  'report.take': 'Report claimed',
  'report.context': 'Read what was said around a report',
  'report.resolve': 'Report resolved',
  'room.create': 'Room created',
  'room.change': 'Room changed',
  'room.archive': 'Room archived',
  'room.restore': 'Room restored',
  'room.delete': 'Room deleted',
  'room.ban': 'Banned from a room',
  'room.unban': 'Ban from a room lifted',
  'room.mute': 'Muted in a room',
  'room.unmute': 'Mute in a room lifted',
  'room.purge': 'Messages removed in a room',
  'member.add': 'Added to a room',
  'member.role': 'Role in a room changed',
  'member.remove': 'Removed from a room',
  'audit.export': 'Audit log exported',
  'room.export': 'Room copied',
  'account.export': 'Messages of a person copied',
};

/** An action in words; an action that this page does not know stays as the log has it. */
export const actName = (action: string): string => actNames[action] ?? action;

/** The outcome of a report. */
const outcomes: Readonly<Record<string, string>> = {
  dismiss: 'Dismissed', delete: 'Message deleted', mute: 'Author muted', ban: 'Author banned', purge: 'Messages of the author removed',
};
export const outcomeName = (outcome: string): string => outcomes[outcome] ?? outcome;

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
  if (i.revoked) return 'Taken back';
  if (i.used >= i.uses) return 'Used up';
  return i.expires <= now ? 'Ended' : undefined;
}
