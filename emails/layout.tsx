/**
 * The one design of every email, and the same as that of the pages its links lead to (`src/web/browser/pages/pages.css`): quiet,
 * narrow, readable without images and in the dark.
 */
import { Body } from "@react-email/body";
import { Button } from "@react-email/button";
import { Column } from "@react-email/column";
import { Container } from "@react-email/container";
import { Head } from "@react-email/head";
import { Heading } from "@react-email/heading";
import { Html } from "@react-email/html";
import { Img } from "@react-email/img";
import { Link } from "@react-email/link";
import { Row } from "@react-email/row";
import { Section } from "@react-email/section";
import { Text } from "@react-email/text";
import type { CSSProperties, ReactNode } from "react";
import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import { inkOn, shadeOn } from "./contrast.ts";

export const PALETTES = {
  light: { page: "#f4f5f7", card: "#ffffff", ink: "#1c2026", quiet: "#5a626e", rule: "#e3e6ea", link: "#3a4a6b" },
  dark: { page: "#0f1115", card: "#16181d", ink: "#e8eaed", quiet: "#a9afb9", rule: "#33373f", link: "#9db8ff" },
};
const { light: LIGHT, dark: DARK } = PALETTES;

const FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** The contrast of a button's edge for a button of any colour (WCAG 2.2, 1.4.11). */
const EDGE_CONTRAST = 3;

/** Inline styles are the light design, for every client; where media queries work, these classes say the rest. */
const styleSheet = ({ color }: Brand): string => `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  @media (max-width: 519px) {
    .page, .page > table > tbody > tr > td { background-color: ${LIGHT.card} !important; }
    .page > table > tbody > tr > td { padding: 20px 0 24px !important; }
    .head, .foot { padding-left: 20px !important; padding-right: 20px !important; }
    .card { border-width: 1px 0 !important; border-radius: 0 !important; }
    .cell { padding: 28px 20px 12px !important; }
    .button { display: block !important; text-align: center !important; }
  }
  @media (prefers-color-scheme: dark) {
    .page, .page > table > tbody > tr > td { background-color: ${DARK.page} !important; }
    .card { background-color: ${DARK.card} !important; border-color: ${DARK.rule} !important; }
    .ink { color: ${DARK.ink} !important; }
    .quiet { color: ${DARK.quiet} !important; }
    .link { color: ${DARK.link} !important; }
    .facts { border-color: ${DARK.rule} !important; }
    .button { border-color: ${shadeOn(DARK.card, color, EDGE_CONTRAST)} !important; }
    .square { background-color: ${shadeOn(DARK.page, color, EDGE_CONTRAST)} !important; }
    .logo { background-color: #ffffff !important; border-radius: 4px !important; padding: 4px !important; }
  }
  @media (max-width: 519px) and (prefers-color-scheme: dark) {
    .page, .page > table > tbody > tr > td { background-color: ${DARK.card} !important; }
  }
`;

export interface LayoutProps {
  readonly locale: Locale;
  readonly brand: Brand;
  /** What a list of mails shows after the subject: at most 150 characters. */
  readonly preview: string;
  readonly heading: string;
  readonly children: ReactNode;
}

export function Layout({ locale, brand, preview, heading, children }: LayoutProps) {
  return (
    <Html lang={locale}>
      <Head>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        {/* Otherwise phones make links of times and numbers. */}
        <meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no" />
        <title>{heading}</title>
        <style>{styleSheet(brand)}</style>
      </Head>
      <Body
        className="page"
        style={{ backgroundColor: LIGHT.page, fontFamily: FONT, margin: 0, padding: "32px 12px 40px" }}
      >
        <Preheader>{preview}</Preheader>
        <Container style={{ maxWidth: 600 }}>
          <Section className="head" data-skip-in-text="true">
            {brand.logoUrl ? <Logo name={brand.name} url={brand.logoUrl} /> : <Name brand={brand} />}
          </Section>
          <Section
            className="card"
            style={{ backgroundColor: LIGHT.card, border: `1px solid ${LIGHT.rule}`, borderRadius: 14 }}
          >
            <Row>
              {/* Outlook pads cells, not tables. */}
              <Column className="cell" style={{ padding: "36px 40px 24px", wordBreak: "break-word" }}>
                <Heading
                  as="h1"
                  className="ink"
                  data-skip-in-text="true"
                  style={{
                    color: LIGHT.ink,
                    fontSize: 25,
                    letterSpacing: "-0.01em",
                    lineHeight: "32px",
                    margin: "0 0 20px",
                  }}
                >
                  {heading}
                </Heading>
                {children}
              </Column>
            </Row>
          </Section>
          <Section className="foot">
            <Footer locale={locale} brand={brand} />
          </Section>
        </Container>
      </Body>
    </Html>
  );
}

/**
 * The first words that a list of mails shows, and blanks that keep the next ones out of it. React Email's `Preview`
 * does the same with 1,050 of them, which is more than the rest of the email.
 */
function Preheader({ children }: { readonly children: string }) {
  return (
    <div
      data-skip-in-text="true"
      style={{
        display: "none",
        fontSize: 1,
        lineHeight: "1px",
        maxHeight: 0,
        maxWidth: 0,
        opacity: 0,
        overflow: "hidden",
      }}
    >
      {children}
      {" \u00a0\u200c\u00a0\u200c\u00a0\u200c\u00a0\u200c\u00a0\u200c".repeat(12)}
    </div>
  );
}

function Name({ brand }: { readonly brand: Brand }) {
  return (
    <Text className="ink" style={{ ...text(16, LIGHT.ink, 18), fontWeight: 700 }}>
      <span
        className="square"
        style={{
          backgroundColor: brand.color,
          borderRadius: 4,
          display: "inline-block",
          height: 14,
          marginRight: 9,
          verticalAlign: -1,
          width: 14,
        }}
      />
      {brand.name}
    </Text>
  );
}

/** With images off, the name is shown at the size used without a logo. */
function Logo({ name, url }: { readonly name: string; readonly url: string }) {
  return (
    <Img
      className="logo"
      src={url}
      alt={name}
      height={32}
      style={{
        color: LIGHT.ink,
        fontSize: 16,
        fontWeight: 700,
        lineHeight: "32px",
        marginBottom: 18,
        maxWidth: 220,
      }}
    />
  );
}

/** Where to log in and whom to ask, as far as the brand says, and a warning. */
function Footer({ locale, brand }: { readonly locale: Locale; readonly brand: Brand }) {
  const { logIn, help, never } = FOOTER[locale];
  return (
    <>
      {/* A line of its own: mail clients take a full stop after an address for a part of it. */}
      {brand.appUrl && (
        <Text className="quiet" style={{ ...text(14, LIGHT.quiet, 0), marginTop: 20 }}>
          {`${logIn} `}
          <FooterLink href={brand.appUrl}>{brand.appUrl}</FooterLink>
        </Text>
      )}
      <Text className="quiet" style={{ ...text(14, LIGHT.quiet, 0), marginTop: brand.appUrl ? 4 : 20 }}>
        {brand.supportAddress && (
          <>
            {`${help} `}
            <FooterLink href={`mailto:${brand.supportAddress}`}>{brand.supportAddress}</FooterLink>
            {". "}
          </>
        )}
        {never}
      </Text>
    </>
  );
}

const FooterLink = ({ href, children }: { readonly href: string; readonly children: string }) => (
  <Link className="link" href={href} style={{ color: LIGHT.link, textDecorationLine: "underline" }}>
    {children}
  </Link>
);

const FOOTER: Record<Locale, Readonly<Record<"logIn" | "help" | "never", string>>> = {
  en: {
    logIn: "Log in:",
    help: "Questions? Write to",
    never: "We will never ask you for your password.",
  },
  "pt-BR": {
    logIn: "Entrar:",
    help: "Dúvidas? Escreva para",
    never: "Nunca vamos pedir a sua senha.",
  },
};

export function Greeting({ locale, name }: { readonly locale: Locale; readonly name: string }) {
  return <Paragraph>{HELLO[locale](name)}</Paragraph>;
}

const HELLO: Record<Locale, (name: string) => string> = {
  en: (name) => `Hello ${name},`,
  "pt-BR": (name) => `Olá, ${name}!`,
};

export function Paragraph({ children }: { readonly children: ReactNode }) {
  return (
    <Text className="ink" style={text(16, LIGHT.ink, 16)}>
      {children}
    </Text>
  );
}

/** A name in another's words, which does not break at its hyphen unless it is longer than the line. */
export function Literal({ children }: { readonly children: ReactNode }) {
  return <strong style={{ display: "inline-block", fontWeight: 600, maxWidth: "100%" }}>{children}</strong>;
}

/** Where the request came from and when, so that readers recognise their own request. */
export function Facts({ children }: { readonly children: ReactNode }) {
  return (
    <Text
      className="facts quiet"
      style={{ ...text(15, LIGHT.quiet, 16), borderLeft: `3px solid ${LIGHT.rule}`, paddingLeft: 14 }}
    >
      {children}
    </Text>
  );
}

export interface ActionProps {
  readonly locale: Locale;
  readonly brand: Brand;
  readonly href: string;
  readonly label: string;
}

/**
 * A button, and the same link in plain, for mail programs that show no button. The text part has the link alone, on a line of its
 * own: the paragraph before it ends with a colon.
 */
export function Action({ locale, brand, href, label }: ActionProps) {
  return (
    <>
      <Text data-skip-in-text="true" style={{ marginBottom: 16, marginTop: 24 }}>
        <Button
          className="button"
          href={href}
          style={{
            backgroundColor: brand.color,
            border: `1px solid ${shadeOn(LIGHT.card, brand.color, EDGE_CONTRAST)}`,
            borderRadius: 9,
            color: inkOn(brand.color),
            fontSize: 16,
            fontWeight: 600,
            padding: "14px 24px",
          }}
        >
          {label}
        </Button>
      </Text>
      <Text className="quiet" data-skip-in-text="true" style={text(14, LIGHT.quiet, 0)}>
        {PLAIN_LINK[locale]}
      </Text>
      <Text style={text(13, LIGHT.link, 24)}>
        <Link
          className="link"
          href={href}
          style={{ color: LIGHT.link, textDecorationLine: "underline", wordBreak: "break-all" }}
        >
          {href}
        </Link>
      </Text>
    </>
  );
}

const PLAIN_LINK: Record<Locale, string> = {
  en: "If the button does not work, open this address:",
  "pt-BR": "Se o botão não funcionar, abra este endereço:",
};

const text = (size: number, color: string, marginBottom: number): CSSProperties => ({
  color,
  fontSize: size,
  lineHeight: "24px",
  marginBottom,
  marginTop: 0,
});
