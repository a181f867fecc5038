// The records of the server's REST interface (/api/v1). Times in seconds unless the name says otherwise.

export interface Clip {
  file_name: string;
  duration_s: number;
  width: number;
  height: number;
  frame_rate_hz: number;
  container: string;
  codec: string;
  has_sound: boolean;
}

export interface Strip {
  url: string;
  frames: number;
  frame_width: number;
  frame_height: number;
  times_s: number[];
}

export interface Line {
  text: string;
  speaker: string;
  start_s: number;
  end_s: number;
  fit: string | number | null;
}

export interface Take {
  id: string;
  number: number;
  name: string;
  starred: boolean;
  created_at: string;
  seed: number;
  model: string;
  options: Record<string, unknown>;
  from_take: string | null;
  spans: [number, number][] | null;
  mark: { take_id: string; marked: boolean };
  loudness_lufs: number | null;
  duration_s: number;
  sound_url: string;
  video_url: string;
  stems: { name: string; url: string }[];
  midi_url: string | null;
  cues_url: string;
  reading: { effects: string[]; music: string[] } | null;
  lines: Line[] | null;
  notes: string[];
  seconds: Record<string, number>;
}

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: string;
  project: string;
  kind: "spot" | "add" | "redo";
  state: JobState;
  stage: string | null;
  share: number;
  stages: string[];
  position: number | null;
  error: { code: string; message: string } | null;
  notes: string[];
  takes: string[];
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface ProjectSummary {
  id: string;
  name: string;
  created_at: string;
  updated_at: string;
  duration_s: number;
  takes: number;
  poster_url: string;
}

export interface Project extends Omit<ProjectSummary, "takes"> {
  clip: Clip;
  video_url: string;
  clip_url: string;
  strip: Strip;
  cues_url: string;
  cues_edited: boolean;
  takes: Take[];
  jobs: Job[];
  settings: Record<string, unknown>;
}

export interface Model {
  name: string;
  summary: string;
  ready: boolean;
  licence: string;
  hint: string | null;
}

export interface Option {
  name: string;
  kind: "text" | "number" | "integer" | "switch";
  default: string | number | boolean;
  help: string;
  low: number | null;
  high: number | null;
}

export interface SheetCue {
  start_s: number;
  end_s?: number;
  strength?: number;
  place?: number;
  label?: string;
  muted?: boolean;
  prompt?: string;
}

export interface Sheet {
  phonofilm_cue_sheet: number;
  clip: Record<string, unknown>;
  cues: SheetCue[];
}

export interface AddJob {
  kind: "add";
  model: string;
  use_cues: boolean;
  options: Record<string, unknown>;
  dialogue_text: string | null;
}

export interface RedoJob {
  kind: "redo";
  take: string;
  spans: [number, number][];
  use_cues: boolean;
  options: Record<string, unknown>;
}

export type NewJob = AddJob | RedoJob;
