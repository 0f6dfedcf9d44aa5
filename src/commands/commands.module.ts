import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { CommandHandler, CqrsModule } from '@nestjs/cqrs';
import { catalog } from './catalog.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import { SystemMessage, type CommandMessage } from './command-message.ts';
import { Handler } from './handle.ts';

/** The loop that replaces every handler class: one provider per message class, all of them the one generic handler. */
const handlersFor = (entries: readonly CatalogEntry[]): Provider[] =>
  [SystemMessage, ...entries.flatMap((entry) => (entry.message ? [entry.message] : []))].map((message) => {
    class MessageHandler {
      readonly #handler: Handler;
      constructor(handler: Handler) {
        this.#handler = handler;
      }
      execute(command: CommandMessage) {
        return this.#handler.execute(command);
      }
    }
    CommandHandler(message)(MessageHandler);
    return { provide: `handler of ${message.name}`, inject: [Handler], useFactory: (handler: Handler) => new MessageHandler(handler) };
  });

@Module({})
export class CommandsModule {
  /** `handler` is built by the composition root out of the ports that configuration chose. */
  static with(handler: Handler): DynamicModule {
    return { module: CommandsModule, imports: [CqrsModule.forRoot()], providers: [{ provide: Handler, useValue: handler }, ...handlersFor(catalog)], exports: [Handler, CqrsModule] };
  }
}
