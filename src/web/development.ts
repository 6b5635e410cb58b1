/** The pages of a development server lead to each other, and its front page to all of them. */
import type { Config } from "../config.ts";
import { escapeHtml, rootOf } from "./document.ts";

export interface SiteLink {
  readonly label: string;
  /** Below the API's root, without a slash at its start. */
  readonly path: string;
}

/** None in production, where people have no use for them. */
export function developmentLinks({ databaseUrl, smtpUrl, docs, outboxPage, peoplePage }: Config): readonly SiteLink[] {
  const hasInbox = smtpUrl === "inbox";
  if (databaseUrl !== null && !hasInbox) return [];
  return [
    { label: "Start page", path: "" },
    ...(docs ? [{ label: "API docs", path: "docs" }] : []),
    ...(hasInbox ? [{ label: "Inbox", path: "inbox" }] : []),
    ...(outboxPage ? [OUTBOX] : []),
    ...(peoplePage ? [PEOPLE] : []),
  ];
}

/** For the pages of superusers, which lead to each other in production too. */
export function operatorLinks(config: Config): readonly SiteLink[] {
  const links = developmentLinks(config);
  if (links.length > 0) return links;
  return config.outboxPage && config.peoplePage ? [OUTBOX, PEOPLE] : [];
}

const OUTBOX: SiteLink = { label: "Outbox", path: "outbox" };
const PEOPLE: SiteLink = { label: "People", path: "people" };

/** Where a React page renders into (`browser/ui/root.ts`). */
export const reactRoot = (request: Request, links: readonly SiteLink[]): string =>
  `<div id="root" data-api="${rootOf(request)}" data-links="${escapeHtml(JSON.stringify(links))}"></div>`;

/** The same links as `browser/ui/site-nav.tsx` shows. @param current the path of the page that they are on. */
export function siteNav(request: Request, links: readonly SiteLink[], current: string): string {
  if (links.length === 0) return "";
  const anchors = links
    .filter(({ path }) => path !== current)
    .map(({ label, path }) => `<a href="${rootOf(request)}${path}">${label}</a>`);
  return `<nav class="site-nav" aria-label="Other pages">${anchors.join("")}</nav>`;
}
