"""The peer that Ringline is measured beside: a Pipecat agent behind its SmallWebRTC transport, with services as scripted as
Ringline's own. `POST /api/offer` takes `{"sdp", "type"}` and answers the same. Prints one JSON line when it is ready.

What is set so that it is at its best: uvloop; no log below errors; no metrics, turn tracking, RTVI messages or recording; 24 kHz
out and 16 kHz in, so that only the transport resamples; 40 ms of audio to a transport write, its default; end of turn by silence
(0.2 s of the VAD and 0.2 s after it: the 400 ms that Ringline waits) instead of its default model, which would cost more. With
--processes N, N processes accept on one port.

Its VAD is Silero, as Pipecat ships and recommends it; `--vad energy` has none: the scripted recogniser finds pauses by level.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import tomllib

import aioice.ice
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest, SmallWebRTCRequestHandler
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

IN_RATE, OUT_RATE = 16_000, 24_000
#: What Ringline's script has, too; in s.
STT_FINAL, LLM_FIRST, LLM_TOKENS_PER_S, TTS_FIRST, TTS_FACTOR, S_PER_CHAR = 0.15, 0.25, 60.0, 0.1, 0.1, 0.06
CHUNK_S = 0.1
#: Without a VAD: louder is speech, and so much of it or of silence is a start or an end, in s.
SPEECH_DBFS, START_S, PAUSE_S = -45.0, 0.1, 0.25
SYLLABLE_S = 0.16


def speech_like(text):
    """Sound with the outline of speech: voiced syllables that swell and die away, as long as the text. 16-bit."""
    length = int(len(text) * S_PER_CHAR * OUT_RATE)
    within = np.arange(length) % int(SYLLABLE_S * OUT_RATE)
    syllable = np.arange(length) // int(SYLLABLE_S * OUT_RATE)
    pitches = np.random.default_rng(len(text)).uniform(110, 190, length // int(SYLLABLE_S * OUT_RATE) + 1)
    phase = 2 * np.pi * np.cumsum(pitches[syllable]) / OUT_RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 9))
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * within / (SYLLABLE_S * OUT_RATE))
    return (voice * swell * 0.11 * 32767).astype(np.int16).tobytes()


class ScriptedSTT(STTService):
    """The final text comes a fixed time after the end of speech."""

    def __init__(self, words, finds_pauses):
        super().__init__(
            sample_rate=IN_RATE, ttfs_p99_latency=STT_FINAL + 0.2, settings=STTSettings(model=None, language=None)
        )
        self._words = words
        self._finds_pauses = finds_pauses
        self._final = None
        self._loud = self._quiet = 0.0
        self._speaks = False

    async def run_stt(self, audio):
        if self._finds_pauses:
            await self._listen(audio)
        yield None

    async def _listen(self, audio):
        samples = np.frombuffer(audio, dtype=np.int16)
        length = len(samples) / IN_RATE
        power = float(np.dot(samples.astype(np.float32), samples)) / max(1, len(samples)) / 32768**2
        if power > 10 ** (SPEECH_DBFS / 10):
            self._loud, self._quiet = self._loud + length, 0.0
        else:
            self._loud, self._quiet = 0.0, self._quiet + length
        if not self._speaks and self._loud >= START_S:
            self._speaks = True
            await self._began()
            await self.push_frame(InterimTranscriptionFrame("so", "", ""))
        elif self._speaks and self._quiet >= PAUSE_S:
            self._speaks = False
            await self._paused()

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            await self._began()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._paused()

    async def _began(self):
        if self._final:
            await self.cancel_task(self._final)
            self._final = None

    async def _paused(self):
        await self._began()
        self._final = self.create_task(self._finish())

    async def _finish(self):
        await asyncio.sleep(STT_FINAL)
        self._final = None
        await self.push_frame(TranscriptionFrame(self._words, "", "", finalized=True))


class ScriptedLLM(FrameProcessor):
    """Answers any context with the same words at a fixed pace. An interruption ends the answer, since it ends the task that
    processes a frame."""

    def __init__(self, answer):
        super().__init__()
        self._tokens = [word + " " for word in answer.split()]

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        due = asyncio.get_running_loop().time() + LLM_FIRST
        for token in self._tokens:
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            due += 1 / LLM_TOKENS_PER_S
            await self.push_frame(LLMTextFrame(token))
        await self.push_frame(LLMFullResponseEndFrame())


class ScriptedTTS(TTSService):
    """Speech-like sound of the text's length. It is made once for a text, as Ringline's costs next to nothing."""

    _made = {}

    def __init__(self):
        settings = TTSSettings(model=None, voice=None, language=None)
        super().__init__(sample_rate=OUT_RATE, push_start_frame=True, push_stop_frames=True, settings=settings)

    async def run_tts(self, text, context_id):
        sound = self._made.get(text)
        if sound is None:
            sound = self._made[text] = speech_like(text)
        chunk = int(CHUNK_S * OUT_RATE) * 2
        due = asyncio.get_running_loop().time() + TTS_FIRST
        for start in range(0, len(sound), chunk):
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            due += CHUNK_S * TTS_FACTOR
            yield TTSAudioRawFrame(sound[start : start + chunk], OUT_RATE, 1, context_id=context_id)


async def run_agent(connection, options):
    transport = SmallWebRTCTransport(
        connection,
        TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=IN_RATE,
            audio_out_sample_rate=OUT_RATE,
            audio_out_end_silence_secs=0,
        ),
    )
    has_vad = options.vad == "silero"
    starts = [VADUserTurnStartStrategy()] if has_vad else [TranscriptionUserTurnStartStrategy()]
    stops = [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.2 if has_vad else 0.0)]
    user = LLMUserAggregatorParams(
        user_turn_strategies=UserTurnStrategies(start=starts, stop=stops),
        vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=0.2)) if has_vad else None,
    )
    aggregators = LLMContextAggregatorPair(LLMContext(), user_params=user)
    pipeline = Pipeline(
        [
            transport.input(),
            ScriptedSTT(options.hears, finds_pauses=not has_vad),
            aggregators.user(),
            ScriptedLLM(options.answer),
            ScriptedTTS(),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=IN_RATE, audio_out_sample_rate=OUT_RATE),
        enable_turn_tracking=False,
        enable_rtvi=False,
        check_dangling_tasks=False,
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")
    async def on_connected(_transport, _client):
        if options.greeting:
            await worker.queue_frames([TTSSpeakFrame(options.greeting)])

    @transport.event_handler("on_client_disconnected")
    async def on_disconnected(_transport, _client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
    await runner.add_workers(worker)
    await runner.run()


def read_script(path):
    """The script's first turn. The delays must be the ones that are built in here."""
    with open(path, "rb") as file:
        script = tomllib.load(file)
    delays = {
        "asr_final_ms": STT_FINAL * 1000,
        "llm_first_token_ms": LLM_FIRST * 1000,
        "tokens_per_s": LLM_TOKENS_PER_S,
        "tts_first_audio_ms": TTS_FIRST * 1000,
        "tts_real_time_factor": TTS_FACTOR,
        "ms_per_char": S_PER_CHAR * 1000,
    }
    for name, value in script.get("timing", {}).items():
        if name in delays and abs(value - delays[name]) > 1e-6:
            raise SystemExit(f"{path}: timing.{name} is {value}, here it is {delays[name]}")
    turn = script["turns"][0]
    # Speech begins with the first whole sentence here, and with the first clause there: so the clause is made a sentence.
    clause, comma, rest = turn["answers"].partition(", ")
    if comma:
        turn["answers"] = f"{clause}. {rest[0].upper()}{rest[1:]}"
    return turn


def application(options):
    app = FastAPI()
    handler = SmallWebRTCRequestHandler()
    agents = set()

    @app.post("/api/offer")
    async def offer(request: Request):
        async def begin(connection):
            agent = asyncio.create_task(run_agent(connection, options))
            agents.add(agent)
            agent.add_done_callback(agents.discard)

        body = await request.json()
        return await handler.handle_web_request(SmallWebRTCRequest(sdp=body["sdp"], type=body["type"]), begin)

    return app


def serve(listener, options):
    config = uvicorn.Config(application(options), loop="uvloop", log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--vad", choices=["silero", "energy"], default="silero")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--script", required=True, help="a script of Ringline's; its first turn is every turn")
    parser.add_argument("--greeting", default="Hello, how can I help you today?")
    options = parser.parse_args()
    turn = read_script(options.script)
    options.hears, options.answer = turn["hears"], turn["answers"]
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    # It leaves out the loopback otherwise, and would take the load to another interface.
    aioice.ice.get_host_addresses = lambda **_: ["127.0.0.1"]
    listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    listener.set_inheritable(True)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/offer"
    children = []
    for _ in range(options.processes - 1):
        child = os.fork()
        if child == 0:
            return serve(listener, options)
        children.append(child)
    print(json.dumps({"offer_url": url, "processes": [os.getpid(), *children]}), flush=True)
    serve(listener, options)


if __name__ == "__main__":
    main()
