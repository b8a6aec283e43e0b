import type { Codec } from '../encode.ts';
import type { PhoneCall } from './phone-call.ts';
import { PhoneKeys } from './phone-keys.ts';
import { type LocalAudio, type RemoteAudio, readSdp, staticCodecs } from './phone-sdp.ts';
import type { PhoneState } from './phone-state.ts';
import { RtpStream } from './rtp-stream.ts';

const TELEPHONE_EVENT = 101;
const COMFORT_NOISE = 13;

/** What a phone offers and takes, and the media that come of it. */
export class PhoneMedia {
  readonly #state: PhoneState;
  /** Of its call. */
  keys: PhoneKeys;

  constructor(state: PhoneState) {
    this.#state = state;
    this.keys = new PhoneKeys(state.options.srtp);
  }

  chosenOf(offer: RemoteAudio): RemoteAudio['codecs'][number] | undefined {
    return this.#state.options.codecs
      .flatMap((codec) => offer.codecs.find((candidate) => candidate.codec === codec) ?? [])
      .at(0);
  }

  async takeAnswer(call: PhoneCall, body: string): Promise<{ codec: Codec; annexB: boolean | undefined }> {
    const remote = readSdp(body);
    if (!this.keys.agree(remote)) throw new Error(`the answer has no keys as they were offered:\n${body}`);
    const chosen = remote.codecs.find(({ codec }) => this.#state.options.codecs.includes(codec));
    if (chosen === undefined) throw new Error(`the answer has no codec of ours:\n${body}`);
    await this.start(call, remote, chosen.codec, staticCodecs([chosen.codec]), TELEPHONE_EVENT);
    return { codec: chosen.codec, annexB: remote.annexB };
  }

  async freshStream(): Promise<RtpStream> {
    if (this.#state.call !== undefined && this.#state.call.state !== 'ended')
      throw new Error('this phone is in a call');
    const { localAddress, srtp } = this.#state.options;
    this.keys = new PhoneKeys(srtp);
    const stream = await RtpStream.open(localAddress, this.#state.changes);
    stream.takesKeys = srtp !== undefined;
    return stream;
  }

  localAudio(call: PhoneCall, codecs: LocalAudio['codecs'], telephoneEvent: number | undefined): LocalAudio {
    const wanted = this.#state.options.telephoneEvent === false ? undefined : telephoneEvent;
    const { version, stream } = call;
    return { address: this.#state.options.localAddress, port: stream.port, codecs, telephoneEvent: wanted, version };
  }

  offeredAudio(call: PhoneCall): LocalAudio {
    const audio = this.localAudio(call, staticCodecs(this.#state.options.codecs), TELEPHONE_EVENT);
    return { ...audio, ...this.pauses({ comfortNoise: COMFORT_NOISE, annexB: true }), ...this.keys.offer() };
  }

  /** What the phone takes of it. */
  pauses({
    comfortNoise,
    annexB,
  }: Pick<RemoteAudio, 'comfortNoise' | 'annexB'>): Pick<LocalAudio, 'comfortNoise' | 'annexB'> {
    return this.#state.options.pauses === true ? { comfortNoise, annexB: annexB === true } : {};
  }

  async start(
    call: PhoneCall,
    remote: RemoteAudio,
    codec: Codec,
    local: LocalAudio['codecs'],
    localTelephoneEvent: number | undefined,
  ): Promise<void> {
    const payloadType = remote.codecs.find((candidate) => candidate.codec === codec)?.payloadType;
    const localPayloadType = local[0]?.payloadType;
    if (payloadType === undefined || localPayloadType === undefined) throw new Error(`${codec} has no payload type`);
    const events = this.#state.options.telephoneEvent !== false;
    call.agreed = {
      codec: { codec, payloadType: localPayloadType },
      telephoneEvent: localTelephoneEvent,
      target: `${remote.address} ${remote.port}`,
    };
    await call.stream.start({
      address: remote.address,
      port: remote.port,
      codec,
      payloadType,
      localPayloadType,
      telephoneEvent: events ? remote.telephoneEvent : undefined,
      localTelephoneEvent: events ? localTelephoneEvent : undefined,
      ...this.pauses(remote),
      ...this.keys.agreed(remote),
    });
  }
}
