// tsyringe wants the metadata polyfill to be there before it is loaded itself.
import 'reflect-metadata';

export { inject, injectable } from 'tsyringe';
