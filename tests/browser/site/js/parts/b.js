export{c as b}from'../parts/c.js'
