/** What is reported of a row that is refused. It imports nothing, so that a page can share the reasons. */

/** Why a row is refused: what clients branch on, and what a page has its own words for. */
export const IMPORT_REASONS = [
  "malformed_line",
  "invalid_name",
  "invalid_email",
  "invalid_dept",
  "invalid_username",
  "repeated_username",
  "taken_username",
  "invalid_locale",
  "invalid_password_hash",
] as const;

export type ImportReason = (typeof IMPORT_REASONS)[number];

export interface ImportProblem {
  readonly line: number;
  readonly reason: ImportReason;
  /** The reason in English, with the rule. */
  readonly problem: string;
}
