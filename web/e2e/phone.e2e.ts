import { chat } from './chat.ts';
import { Stage } from './stage.ts';

chat(new Stage(), 'phone');
