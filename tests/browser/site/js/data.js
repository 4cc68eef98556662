data of data.js
