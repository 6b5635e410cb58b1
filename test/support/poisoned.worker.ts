/** The real courier thread, which ends when it renders an email to a person of this name. */
import "../../src/mail/courier/worker.ts";

const escapeHtml = Bun.escapeHTML;

Bun.escapeHTML = (value) => {
  if (typeof value === "string" && value.includes("Poison")) process.exit(3);
  return escapeHtml(value);
};
