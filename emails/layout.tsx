/** The one design of every letter: quiet, narrow, readable without images and in the dark. */
import {
  Body,
  Button,
  Container,
  Head,
  Heading,
  Hr,
  Html,
  Img,
  Link,
  Preview,
  Section,
  Text,
} from "@react-email/components";
import type { ReactNode } from "react";
import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";

export interface LayoutProps {
  readonly locale: Locale;
  readonly brand: Brand;
  /** What the list of mails shows after the subject. */
  readonly preview: string;
  readonly heading: string;
  readonly children: ReactNode;
}

/** Inline styles are for light and for clients without media queries; these classes turn them dark. */
const DARK = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  @media (prefers-color-scheme: dark) {
    .page, .card { background-color: #16181d !important; }
    .card { border-color: #33373f !important; }
    .ink, .ink * { color: #e8eaed !important; }
    .quiet, .quiet * { color: #a9afb9 !important; }
    .link { color: #9db8ff !important; }
    .rule { border-color: #33373f !important; }
  }
  @media (max-width: 480px) { .card { padding: 24px 20px !important; border: none !important; } }
`;

const FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

export function Layout({ locale, brand, preview, heading, children }: LayoutProps) {
  return (
    <Html lang={locale}>
      <Head>
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <style>{DARK}</style>
      </Head>
      <Body className="page" style={{ backgroundColor: "#f4f5f7", fontFamily: FONT, margin: 0, padding: "24px 8px" }}>
        <Preview>{preview}</Preview>
        <Container
          className="card"
          style={{
            backgroundColor: "#ffffff",
            border: "1px solid #e3e6ea",
            borderRadius: 12,
            maxWidth: 560,
            padding: "32px 36px",
          }}
        >
          {brand.logoUrl ? (
            <Img src={brand.logoUrl} alt={brand.name} height={32} style={{ marginBottom: 20 }} />
          ) : (
            <Text className="ink" style={{ color: "#1c2026", fontSize: 15, fontWeight: 700, margin: "0 0 20px" }}>
              <span
                style={{
                  backgroundColor: brand.color,
                  borderRadius: 3,
                  display: "inline-block",
                  height: 12,
                  marginRight: 8,
                  width: 12,
                }}
              />
              {brand.name}
            </Text>
          )}
          <Heading
            as="h1"
            className="ink"
            style={{ color: "#1c2026", fontSize: 22, lineHeight: "30px", margin: "0 0 16px" }}
          >
            {heading}
          </Heading>
          {children}
          <Hr className="rule" style={{ borderColor: "#e3e6ea", margin: "28px 0 16px" }} />
          <Text className="quiet" style={{ color: "#5a626e", fontSize: 13, lineHeight: "20px", margin: 0 }}>
            {HELP[locale]}{" "}
            <Link className="link" href={`mailto:${brand.supportAddress}`} style={{ color: "#3a4a6b" }}>
              {brand.supportAddress}
            </Link>
          </Text>
        </Container>
      </Body>
    </Html>
  );
}

const HELP: Record<Locale, string> = {
  en: "Questions? Write to",
  "pt-BR": "Dúvidas? Escreva para",
};

export function Paragraph({ children }: { readonly children: ReactNode }) {
  return (
    <Text className="ink" style={{ color: "#1c2026", fontSize: 16, lineHeight: "25px", margin: "0 0 16px" }}>
      {children}
    </Text>
  );
}

export function Aside({ children }: { readonly children: ReactNode }) {
  return (
    <Text className="quiet" style={{ color: "#5a626e", fontSize: 14, lineHeight: "21px", margin: "0 0 12px" }}>
      {children}
    </Text>
  );
}

/** A button, and the same link in plain for whoever cannot press it. */
export function Action({ brand, locale, href, label }: { brand: Brand; locale: Locale; href: string; label: string }) {
  return (
    <Section style={{ margin: "8px 0 20px" }}>
      <Button
        href={href}
        style={{
          backgroundColor: brand.color,
          borderRadius: 8,
          color: "#ffffff",
          fontSize: 16,
          fontWeight: 600,
          padding: "12px 22px",
        }}
      >
        {label}
      </Button>
      <Text
        className="quiet"
        data-skip-in-text="true"
        style={{ color: "#5a626e", fontSize: 13, lineHeight: "20px", margin: "16px 0 0" }}
      >
        {COPY[locale]}
        <br />
        <Link className="link" href={href} style={{ color: "#3a4a6b", wordBreak: "break-all" }}>
          {href}
        </Link>
      </Text>
    </Section>
  );
}

const COPY: Record<Locale, string> = {
  en: "Or copy this address into your browser:",
  "pt-BR": "Ou copie este endereço no navegador:",
};
