document.body.dataset.state = 'starting';
