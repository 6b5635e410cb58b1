/** How the email looks: rendered again by a courier, with a link that does not work. */
import { useEffect, useRef, useState } from "react";
import { type PreparedMessage, useApi } from "./api.ts";
import { API_PATH } from "../ui/root.ts";
import { wordsOf } from "../ui/words.ts";

type Loading = { readonly email: PreparedMessage | null; readonly error: string | null };

export function EmailPreview({ id, part }: { readonly id: string; readonly part: "html" | "text" }) {
  const api = useApi();
  const [{ email, error }, setLoading] = useState<Loading>({ email: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    api.preview(id, stop.signal).then(
      (loaded) => setLoading({ email: loaded, error: null }),
      (failure: unknown) => {
        if (!stop.signal.aborted) setLoading({ email: null, error: wordsOf(failure) });
      },
    );
    return () => stop.abort();
  }, [api, id]);

  if (error) {
    return (
      <p className="empty error" role="alert">
        {error}
      </p>
    );
  }
  if (!email) return <p className="empty">Rendering the email…</p>;
  return (
    <div className="preview">
      <p className="preview-subject">
        <span className="quiet">Subject</span> <strong dir="auto">{email.subject}</strong>
      </p>
      <p className="quiet small">Rendered just now, as it would look today. Its link does not work.</p>
      {part === "text" ? (
        <pre dir="auto">{email.text}</pre>
      ) : (
        <HtmlFrame html={email.html} title={`Email “${email.subject}”`} />
      )}
    </div>
  );
}

/** The frame is a page of its own because of its policy: see `web/outbox.ts`. */
function HtmlFrame({ html, title }: { readonly html: string; readonly title: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  return (
    <iframe
      ref={frame}
      className="preview-frame"
      title={title}
      src={`${API_PATH}/outbox/email`}
      sandbox="allow-scripts"
      // Its origin is opaque, so the target cannot be named. It shows what it gets and cannot pass it on.
      onLoad={() => frame.current?.contentWindow?.postMessage(withBase(html), "*")}
    />
  );
}

/** A click on a link would replace the email in its frame; a new tab its sandbox does not allow. */
function withBase(html: string): string {
  const head = /<head(?:\s[^>]*)?>/i.exec(html);
  const at = head ? head.index + head[0].length : 0;
  return `${html.slice(0, at)}<base target="_blank">${html.slice(at)}`;
}
