import { Module, type DynamicModule } from '@nestjs/common';
import { AccountPagesController } from './adapters/http/account-pages.controller.ts';
import { AccountController } from './adapters/http/account.controller.ts';
import { AdminDeedsController } from './adapters/http/admin-deeds.controller.ts';
import { AdminPagesController } from './adapters/http/admin-pages.controller.ts';
import { CancellingController } from './adapters/http/cancelling.controller.ts';
import { DocsController } from './adapters/http/docs.controller.ts';
import { EventsController } from './adapters/http/events.controller.ts';
import { DoctorController } from './adapters/http/doctor.controller.ts';
import { HealthController } from './adapters/http/health.controller.ts';
import { LoginPagesController } from './adapters/http/login-pages.controller.ts';
import { MetricsController } from './adapters/http/metrics.controller.ts';
import { OperationsController } from './adapters/http/operations.controller.ts';
import { OwnSessionsController } from './adapters/http/own-sessions.controller.ts';
import { PagesController } from './adapters/http/pages.controller.ts';
import { PasswordPagesController } from './adapters/http/password-pages.controller.ts';
import { PasswordsController } from './adapters/http/passwords.controller.ts';
import { QueriesController } from './adapters/http/queries.controller.ts';
import { RIM, type Rim } from './adapters/http/rim.ts';
import { SessionsController } from './adapters/http/sessions.controller.ts';
import { Watchers } from './adapters/http/watchers.ts';
import { WorkloadsController } from './adapters/http/workloads.controller.ts';
import { CommandsModule } from './commands/commands.module.ts';

/** The Nest application: the commands' bus, and one controller for each kind of call. Read models come last: they answer `/:model`. */
@Module({})
export class AppModule {
  static with(rim: Rim): DynamicModule {
    return {
      module: AppModule,
      imports: [CommandsModule.with(rim.handler)],
      providers: [{ provide: RIM, useValue: rim }, { provide: Watchers, useFactory: () => new Watchers(rim) }],
      controllers: [HealthController, DoctorController, PagesController, LoginPagesController, PasswordPagesController, AccountPagesController, AdminPagesController, AdminDeedsController, SessionsController, PasswordsController, AccountController, CancellingController, OwnSessionsController, WorkloadsController, OperationsController, EventsController, MetricsController, DocsController, QueriesController],
    };
  }
}
