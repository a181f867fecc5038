// Line icons on a grid of 16, drawn for this page.
const PATHS = {
  play: "M5 3.2v9.6l7.6-4.8z",
  pause: "M5 3.5v9M11 3.5v9",
  loop: "M4 6.5V6a2 2 0 0 1 2-2h6M10.2 2.2 12 4l-1.8 1.8M12 9.5v.5a2 2 0 0 1-2 2H4M5.8 13.8 4 12l1.8-1.8",
  back: "M11.5 3.5 6 8l5.5 4.5zM4 3.5v9",
  forth: "M4.5 3.5 10 8l-5.5 4.5zM12 3.5v9",
  sound: "M2.5 6.2v3.6h2.3L8 12.6V3.4L4.8 6.2zM10.6 5.8a3 3 0 0 1 0 4.4M12.4 4a5.6 5.6 0 0 1 0 8",
  quiet: "M2.5 6.2v3.6h2.3L8 12.6V3.4L4.8 6.2zM10.8 6.3l3.2 3.4M14 6.3l-3.2 3.4",
  swap: "M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 10.5h-10M6 8l-2.5 2.5L6 13",
  star: "M8 2.2l1.8 3.7 4 .6-2.9 2.8.7 4L8 11.4l-3.6 1.9.7-4L2.200 6.500l4-.6z",
  trash: "M3 4.500h10M6.300 4.500V3h3.400v1.500M4.300 4.500l.6 8.500h6.200l.6-8.500M6.700 7v3.600M9.300 7v3.600",
  download: "M8 2.500v7.300M5 7l3 3 3-3M3 12.800h10",
  undo: "M5.500 3 2.500 6l3 3M2.800 6H9.500a3.500 3.500 0 0 1 0 7H6",
  redo: "M10.500 3l3 3-3 3M13.200 6H6.500a3.500 3.500 0 0 0 0 7H10",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.500 6V3h3M10.500 3h3v3M13.500 10v3h-3M5.500 13h-3v-3",
  sun: "M8 5.200a2.800 2.800 0 1 1 0 5.600 2.800 2.800 0 0 1 0-5.600M8 1.500v1.300M8 13.200v1.300M1.500 8h1.300M13.200 8h1.300M3.400 3.400l.9.9M11.700 11.700l.9.9M12.600 3.400l-.9.9M4.300 11.700l-.9.9",
  moon: "M13.200 9.600A5.500 5.500 0 0 1 6.400 2.800a5.500 5.500 0 1 0 6.800 6.800z",
  system: "M2.500 3.500h11v7.500h-11zM6 13.500h4M8 11v2.500",
  help: "M6 6.200a2 2 0 1 1 2.900 1.800c-.6.3-.9.7-.9 1.400M8 11.600v.1M8 1.800a6.200 6.200 0 1 1 0 12.400A6.200 6.200 0 0 1 8 1.800",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  pencil: "M3 13l.6-2.800 7.200-7.200 2.200 2.200-7.200 7.200z",
  warning: "M8 2.500 14 13H2zM8 6.500v3M8 11.200v.1",
  film: "M2.500 3h11v10h-11zM5.500 3v10M10.500 3v10M2.500 8h3M10.500 8h3",
  wave: "M2.500 7v2M5 5v6M7.500 3v10M10 5.500v5M12.500 7v2",
  note: "M6 12V4l7-1.500v8M6 12a1.700 1.700 0 1 1-3.400 0A1.700 1.700 0 0 1 6 12M13 10.500a1.700 1.700 0 1 1-3.400 0 1.700 1.700 0 0 1 3.400 0",
  list: "M3 4.500h10M3 8h10M3 11.500h6",
  stack: "M8 2.500 14 5.500l-6 3-6-3zM2.500 8.300 8 11l5.500-2.700M2.500 11 8 13.700 13.500 11",
  upload: "M8 10.500V3M5 5.700 8 2.700l3 3M3 13h10",
  dice: "M3 3h10v10H3zM5.800 5.800v.1M10.200 5.800v.1M8 8v.1M5.800 10.200v.1M10.200 10.200v.1",
  check: "M3.500 8.500l3 3 6-6.500",
  tune: "M3 4.500h6M12 4.500h1M3 11.500h1M7 11.500h6M10.500 3v3M5.500 10v3",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<IconName> = new Set(["play"]);

export function Icon({ name, filled = false }: { name: IconName; filled?: boolean }) {
  const fill = filled || FILLED.has(name) ? "currentColor" : "none";
  return (
    <svg class="icon" viewBox="0 0 16 16" fill={fill} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
