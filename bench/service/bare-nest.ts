import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** What Nest on Fastify costs by itself: one route, no database, nothing in the background. */
@Controller('health/ready')
class ReadyController {
  @Get()
  ready(): object {
    return { status: 'ready' };
  }
}

@Module({ controllers: [ReadyController] })
class BareModule {}

const app = await NestFactory.create(BareModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');
console.log(`listens on ${await app.getUrl()}`);
// it ends with whoever started it
process.stdin.on('end', () => process.exit(0)).resume();
