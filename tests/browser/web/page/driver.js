// Makes engines of the module under test and notes what they tell, in order.

import Engine, * as api from "aicall";

const EVENTS = [
  "agentStarted", "audioSubscribed", "callBegin", "agentDataChannelAvailable", "callEnd", "agentStateChanged",
  "userSubtitleNotify", "agentSubtitleNotify", "llmReplyCompleted", "speakingInterrupted", "voiceInterruptChanged",
  "voiceIdChanged", "pushToTalkChanged", "receivedAgentCustomMessage", "humanTakeoverWillStart", "humanTakeoverConnected",
  "agentWillLeave", "newRTCToken", "authInfoWillExpire", "authInfoExpired", "speakingVolumeChanged",
  "connectionStatusChange", "autoPlayFailed", "latencyStats", "errorOccurred",
];

window.log = [];
window.api = api;
window.Engine = Engine;

/** Notes something; `n` counts from 1. */
window.note = (event, args = []) => window.log.push({ n: window.log.length + 1, t: performance.now(), event, args });

window.create = (config) => {
  const engine = (window.engine = new Engine(config));
  for (const event of EVENTS) engine.on(event, (...args) => window.note(event, args.map(plain)));
};

/** An agent configuration of the module's own classes. */
window.agentConfig = (fields) => fill(new api.AICallAgentConfig(), fields);

/** Measures how loud the agent is, from 0 to 1, every 20 ms. */
window.listen = () => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(window.audio.srcObject).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  window.loudness = 0;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    window.loudness = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  }, 20);
};

function fill(target, fields) {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === "object" && typeof target[key] === "object") fill(target[key], value);
    else target[key] = value;
  }
  return target;
}

function plain(value) {
  if (!(value instanceof HTMLMediaElement)) return value;
  window.audio = value;
  return "element";
}

window.loaded = true;
