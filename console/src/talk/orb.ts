// The agent as something to look at: a soft body whose colour and movement show what it is doing and whose outline
// follows its voice. With reduced motion wanted it stands still, and colour and marks alone tell the states apart.

import { isDark, onTheme } from "../ui/theme";

export type Mood = "idle" | "connecting" | "listening" | "thinking" | "speaking" | "lost";

/** What the orb follows, asked for once per frame. */
export interface OrbLevels {
  /** The agent's voice, 0 to 1. */
  agent: number;
  /** The user's voice, 0 to 1. */
  user: number;
  /** The agent's spectrum, 0 to 1 each. */
  bands: Float32Array;
}

type Colour = [number, number, number];

interface Look {
  colours: [Colour, Colour, Colour];
  /** Speed of the slow flow, in radians per second. */
  flow: number;
  /** Unevenness of the resting outline, as a share of the radius. */
  unrest: number;
  size: number;
  glow: number;
  /** How much of each state's own marks shows, 0 to 1. */
  ticks: number;
  comets: number;
  ripples: number;
}

const LOOKS: Record<Mood, Look> = {
  idle: look([[92, 118, 224], [148, 104, 228], [72, 176, 224]], 0.4, 0.035, 0.96, 0.5),
  connecting: look([[120, 140, 220], [150, 130, 230], [100, 170, 220]], 1.3, 0.05, 0.9, 0.5),
  listening: { ...look([[20, 200, 178], [40, 170, 240], [70, 224, 150]], 0.6, 0.045, 1, 0.6), ticks: 1 },
  thinking: { ...look([[150, 110, 250], [110, 120, 250], [226, 110, 240]], 2.2, 0.075, 0.88, 0.7), comets: 1 },
  speaking: { ...look([[255, 128, 84], [245, 92, 150], [255, 190, 70]], 0.9, 0.04, 1, 0.8), ripples: 1 },
  lost: look([[130, 134, 140], [150, 150, 154], [112, 118, 126]], 0.2, 0.02, 0.86, 0.15),
};

function look(colours: Look["colours"], flow: number, unrest: number, size: number, glow: number): Look {
  return { colours, flow, unrest, size, glow, ticks: 0, comets: 0, ripples: 0 };
}

const POINTS = 120;
const TICKS = 72;
const MAX_RIPPLES = 6;
const TAU = 2 * Math.PI;

export class Orb {
  private readonly context: CanvasRenderingContext2D | null;
  private mood: Mood = "idle";
  private current: Look = structuredClone(LOOKS.idle);
  private agent = 0;
  private user = 0;
  private phase = 0;
  private spin = 0;
  private last = 0;
  private ripples: { age: number; strength: number }[] = [];
  private readonly smoothBands = new Float32Array(24);
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private frame: number | null = null;
  private readonly ends: (() => void)[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly levels: () => OrbLevels,
  ) {
    this.context = canvas.getContext("2d");
    const size = new ResizeObserver(() => this.resize());
    size.observe(canvas);
    const wake = () => this.wake();
    this.still.addEventListener("change", wake);
    this.ends.push(() => size.disconnect(), () => this.still.removeEventListener("change", wake));
    this.ends.push(onTheme(() => this.wake()));
    this.resize();
  }

  /** Draws no more. */
  close(): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    for (const end of this.ends) end();
  }

  setMood(mood: Mood): void {
    if (this.mood === mood) return;
    this.mood = mood;
    this.wake();
  }

  private resize(): void {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const size = Math.max(1, Math.round(Math.min(this.canvas.clientWidth, this.canvas.clientHeight) * ratio));
    if (this.canvas.width !== size) {
      // A new size wipes the canvas; without drawing at once it would be painted empty.
      this.canvas.width = this.canvas.height = size;
      this.draw();
    }
    this.wake();
  }

  private wake(): void {
    this.frame ??= requestAnimationFrame((now) => this.step(now));
  }

  private step(now: number): void {
    this.frame = null;
    const elapsed = Math.min((now - this.last) / 1000, 0.1);
    this.last = now;
    if (this.still.matches) {
      this.current = structuredClone(LOOKS[this.mood]);
      this.agent = this.user = 0;
      this.smoothBands.fill(0);
      this.ripples = this.mood === "speaking" ? [0.25, 0.5, 0.75].map((age) => ({ age, strength: 0.8 })) : [];
      this.draw();
      return;
    }
    this.follow(elapsed);
    this.draw();
    this.wake();
  }

  private follow(elapsed: number): void {
    const levels = this.levels();
    blend(this.current, LOOKS[this.mood], 1 - Math.exp(-4 * elapsed));
    // Quick to rise, slow to fall, as a voice is perceived.
    this.agent = ease(this.agent, levels.agent, elapsed, 22, 7);
    this.user = ease(this.user, levels.user, elapsed, 26, 9);
    for (let i = 0; i < this.smoothBands.length; i++) {
      this.smoothBands[i] = ease(this.smoothBands[i] ?? 0, (levels.bands[i] ?? 0) * this.current.ripples, elapsed, 24, 9);
    }
    this.phase += elapsed * this.current.flow;
    this.spin += elapsed * (0.25 + 2.6 * this.current.comets);
    for (const ripple of this.ripples) ripple.age += elapsed / 1.5;
    this.ripples = this.ripples.filter((ripple) => ripple.age < 1);
    const youngest = this.ripples.at(-1)?.age ?? 1;
    if (this.mood === "speaking" && this.agent > 0.35 && youngest > 0.22 && this.ripples.length < MAX_RIPPLES) {
      this.ripples.push({ age: 0, strength: this.agent });
    }
  }

  private draw(): void {
    const { context, canvas, current } = this;
    if (!context) return;
    const size = canvas.width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, size, size);
    context.translate(size / 2, size / 2);
    const radius = size * 0.27 * current.size * (1 + 0.07 * this.agent + 0.02 * Math.sin(this.phase * 1.7));
    this.drawGlow(context, radius, size);
    this.drawRipples(context, radius);
    this.drawBody(context, radius);
    this.drawTicks(context, radius, size);
    this.drawComets(context, radius, size);
  }

  private drawGlow(context: CanvasRenderingContext2D, radius: number, size: number): void {
    const reach = Math.min(size / 2, radius * 1.85);
    const [first, second] = this.current.colours;
    const strength = this.current.glow * (isDark() ? 0.55 : 0.4) * (0.7 + 0.6 * this.agent);
    const glow = context.createRadialGradient(0, 0, radius * 0.6, 0, 0, reach);
    glow.addColorStop(0, rgba(first, strength));
    glow.addColorStop(0.45, rgba(second, strength * 0.35));
    glow.addColorStop(1, rgba(second, 0));
    context.fillStyle = glow;
    context.fillRect(-size / 2, -size / 2, size, size);
  }

  private drawRipples(context: CanvasRenderingContext2D, radius: number): void {
    for (const { age, strength } of this.ripples) {
      context.beginPath();
      context.arc(0, 0, radius * (1.02 + 0.68 * age), 0, TAU);
      context.lineWidth = radius * 0.03 * (1 - age);
      context.strokeStyle = rgba(this.current.colours[1], 0.55 * strength * (1 - age) * this.current.ripples);
      context.stroke();
    }
  }

  private drawBody(context: CanvasRenderingContext2D, radius: number): void {
    const { colours } = this.current;
    this.outline(context, radius, 0, 1);
    const base = context.createLinearGradient(-radius, -radius, radius, radius);
    base.addColorStop(0, rgba(colours[0], 1));
    base.addColorStop(1, rgba(colours[1], 1));
    context.fillStyle = base;
    context.fill();

    context.save();
    context.clip();
    // Three lights that wander inside the body.
    for (let i = 0; i < 3; i++) {
      const angle = this.phase * (0.9 + 0.35 * i) + (i * TAU) / 3;
      const x = radius * 0.5 * Math.cos(angle);
      const y = radius * 0.5 * Math.sin(angle * 1.13);
      const light = context.createRadialGradient(x, y, 0, x, y, radius * (0.9 + 0.3 * this.agent));
      light.addColorStop(0, rgba(colours[(i + 1) % 3] as Colour, 0.95));
      light.addColorStop(1, rgba(colours[(i + 1) % 3] as Colour, 0));
      context.fillStyle = light;
      context.fillRect(-2 * radius, -2 * radius, 4 * radius, 4 * radius);
    }
    const shade = context.createRadialGradient(-radius * 0.25, -radius * 0.35, radius * 0.2, 0, 0, radius * 1.15);
    shade.addColorStop(0, "rgba(255,255,255,0.42)");
    shade.addColorStop(0.45, "rgba(255,255,255,0.06)");
    shade.addColorStop(0.8, "rgba(10,10,40,0.02)");
    shade.addColorStop(1, "rgba(10,10,40,0.30)");
    context.fillStyle = shade;
    context.fillRect(-2 * radius, -2 * radius, 4 * radius, 4 * radius);
    context.restore();

    // Two thin skins, a little out of step with the body.
    for (let skin = 1; skin <= 2; skin++) {
      this.outline(context, radius * (1.02 + 0.035 * skin), skin * 0.9, 1 + 0.6 * skin);
      context.lineWidth = Math.max(1, radius * 0.008);
      context.strokeStyle = rgba(colours[skin as 1 | 2], 0.5 / skin);
      context.stroke();
    }
  }

  /** A closed line whose distance from the middle is uneven: by slow waves at rest, by the spectrum while speaking. */
  private outline(context: CanvasRenderingContext2D, radius: number, shift: number, strength: number): void {
    const { unrest } = this.current;
    const t = this.phase + shift;
    const bands = this.smoothBands;
    context.beginPath();
    for (let i = 0; i <= POINTS; i++) {
      const angle = (i / POINTS) * TAU;
      const waves =
        0.5 * Math.sin(2 * angle + 1.1 * t) + 0.3 * Math.sin(3 * angle - 1.6 * t + 1) + 0.2 * Math.sin(5 * angle + 2.3 * t + 2);
      // The spectrum runs down both sides, so that the figure stays balanced.
      const place = (Math.abs(((angle / TAU + 0.25) % 1) - 0.5) * 2) * (bands.length - 1);
      const low = Math.floor(place);
      const voice = mix(bands[low] ?? 0, bands[low + 1] ?? bands[low] ?? 0, place - low);
      const distance = radius * (1 + strength * (waves * (unrest + 0.05 * this.agent) + 0.2 * voice * this.agent));
      const [x, y] = [distance * Math.cos(angle), distance * Math.sin(angle)];
      if (i === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.closePath();
  }

  /** Listening: a ring of marks that the user's voice pushes outwards. */
  private drawTicks(context: CanvasRenderingContext2D, radius: number, size: number): void {
    const shown = this.current.ticks;
    if (shown < 0.02) return;
    context.lineCap = "round";
    context.lineWidth = Math.max(1.5, size * 0.006);
    const inner = radius * 1.22;
    for (let i = 0; i < TICKS; i++) {
      const angle = (i / TICKS) * TAU - TAU / 4;
      const wave = 0.55 + 0.45 * Math.sin(5 * angle + 9 * this.spin) * Math.sin(3 * angle - 7 * this.spin);
      const length = radius * (0.03 + 0.3 * this.user * wave);
      context.strokeStyle = rgba(this.current.colours[i % 3] as Colour, shown * (0.35 + 0.6 * this.user));
      context.beginPath();
      context.moveTo(inner * Math.cos(angle), inner * Math.sin(angle));
      context.lineTo((inner + length) * Math.cos(angle), (inner + length) * Math.sin(angle));
      context.stroke();
    }
  }

  /** Thinking: three lights that circle the body and draw tails. */
  private drawComets(context: CanvasRenderingContext2D, radius: number, size: number): void {
    const shown = this.current.comets;
    if (shown < 0.02) return;
    const steps = 26;
    const tail = TAU / 4.2;
    context.lineCap = "round";
    for (let comet = 0; comet < 3; comet++) {
      const head = this.spin + (comet * TAU) / 3;
      const distance = radius * (1.3 + 0.05 * Math.sin(2 * this.phase + comet));
      for (let i = 0; i < steps; i++) {
        const age = i / steps;
        context.lineWidth = Math.max(1, size * 0.013 * (1 - 0.75 * age));
        context.strokeStyle = rgba(this.current.colours[comet as 0 | 1 | 2], shown * (1 - age) ** 1.6);
        context.beginPath();
        context.arc(0, 0, distance, head - tail * (age + 1.4 / steps), head - tail * age);
        context.stroke();
      }
    }
  }
}

function blend(current: Look, target: Look, share: number): void {
  current.colours.forEach((colour, i) => {
    for (const channel of [0, 1, 2] as const) colour[channel] = mix(colour[channel], target.colours[i as 0 | 1 | 2][channel], share);
  });
  for (const key of ["flow", "unrest", "size", "glow", "ticks", "comets", "ripples"] as const) {
    current[key] = mix(current[key], target[key], share);
  }
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Moves `value` towards `target` with one speed upwards and another downwards, both per second. */
function ease(value: number, target: number, elapsed: number, rise: number, fall: number): number {
  return mix(value, target, 1 - Math.exp(-(target > value ? rise : fall) * elapsed));
}

function rgba([r, g, b]: Colour, alpha: number): string {
  return `rgba(${Math.round(r)},${Math.round(g)},${Math.round(b)},${alpha.toFixed(3)})`;
}
