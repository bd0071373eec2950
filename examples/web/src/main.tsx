import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('There is no element to draw the page in.');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
