// The console's signs, drawn on 24 by 24. They only accompany words, so no screen reader hears of them.

import type { ReactNode } from "react";

const SIGNS = {
  talk: <path d="M4 12h2.5l2-5 3.5 11 3-8 1.5 2H20" />,
  calls: (
    <path d="M6.6 10.8a15 15 0 0 0 6.6 6.6l2.2-2.2a1 1 0 0 1 1-.25 11.4 11.4 0 0 0 3.6.57 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.5a1 1 0 0 1 1 1 11.4 11.4 0 0 0 .57 3.6 1 1 0 0 1-.25 1z" />
  ),
  agents: (
    <>
      <rect x="4.5" y="8" width="15" height="11" rx="3.5" />
      <path d="M12 8V4.5M9 13v1.5M15 13v1.5M2.5 12.5v3M21.5 12.5v3" />
    </>
  ),
  keys: (
    <>
      <circle cx="8" cy="14.5" r="4" />
      <path d="M11 11.5L19.5 3M16 6.5l3 3" />
    </>
  ),
  health: <path d="M12 20s-7.5-4.6-7.5-10.2A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 7.5 2.8C19.5 15.4 12 20 12 20z" />,
  database: <path d="M5 6.5c0-1.7 3.1-3 7-3s7 1.3 7 3-3.1 3-7 3-7-1.3-7-3zM5 6.5v11c0 1.7 3.1 3 7 3s7-1.3 7-3v-11M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3" />,
  models: <path d="M7 7h10v10H7zM10.5 10.5h3v3h-3zM9.5 7V4M14.5 7V4M9.5 20v-3M14.5 20v-3M7 9.5H4M7 14.5H4M20 9.5h-3M20 14.5h-3" />,
  microphone: (
    <>
      <rect className="solid" x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
    </>
  ),
  muted: (
    <>
      <rect className="solid" x="9" y="3" width="6" height="11" rx="3" />
      <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M4 4l16 16" />
    </>
  ),
  stop: <rect className="solid" x="6.5" y="6.5" width="11" height="11" rx="2.5" />,
  hangUp: (
    <path
      className="solid"
      d="M12 9.2c-1.6 0-3.1.25-4.6.72v3.1a1 1 0 0 1-.56.9 11 11 0 0 0-2.66 1.85 1 1 0 0 1-1.4 0L.3 13.3a1 1 0 0 1 0-1.4A16.8 16.8 0 0 1 12 7.2c4.55 0 8.68 1.8 11.7 4.7a1 1 0 0 1 0 1.4l-2.48 2.48a1 1 0 0 1-1.4 0 11 11 0 0 0-2.66-1.85 1 1 0 0 1-.56-.9v-3.1A15 15 0 0 0 12 9.2z"
    />
  ),
  send: <path d="M5 12h13M12.5 6l6 6-6 6" />,
  close: <path d="M6 6l12 12M18 6L6 18" />,
  play: <path className="solid" d="M8 5.5v13l11-6.5z" />,
  pause: <path className="solid" d="M7.5 5.5h3v13h-3zM13.5 5.5h3v13h-3z" />,
  download: <path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14" />,
  plus: <path d="M12 5v14M5 12h14" />,
  back: <path d="M14.5 5.5L8 12l6.5 6.5" />,
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  warning: <path d="M12 4L2.8 19.5h18.4zM12 10v4.5M12 17.2v.1" />,
  info: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 11v5M12 8v.1" />
    </>
  ),
  search: (
    <>
      <circle cx="10.5" cy="10.5" r="6" />
      <path d="M15 15l5 5" />
    </>
  ),
  ear: <path d="M7 9a5 5 0 0 1 10 0c0 3-3 4-3 7a3 3 0 0 1-5.5 1.6M10 9.5a2 2 0 0 1 4 0c0 1-.8 1.6-1.5 2" />,
  person: (
    <>
      <circle cx="12" cy="8" r="3.8" />
      <path d="M4.5 20a7.5 7.5 0 0 1 15 0" />
    </>
  ),
  language: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17z" />
    </>
  ),
  theme: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path className="solid" d="M12 3.5a8.5 8.5 0 0 1 0 17z" />
    </>
  ),
  leave: <path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9" />,
} satisfies Record<string, ReactNode>;

export type Sign = keyof typeof SIGNS;

export function Icon({ sign }: { sign: Sign }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      {SIGNS[sign]}
    </svg>
  );
}
