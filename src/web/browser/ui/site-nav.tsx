import { API_PATH, SITE_LINKS } from "./root.ts";

/** The other pages of a development server; nothing in production. @param current the path of this page. */
export const SiteNav = ({ current }: { readonly current: string }) =>
  SITE_LINKS.length > 0 && (
    <nav className="site-nav" aria-label="Other pages">
      {SITE_LINKS.filter(({ path }) => path !== current).map(({ label, path }) => (
        <a key={path} href={`${API_PATH}/${path}`}>
          {label}
        </a>
      ))}
    </nav>
  );
