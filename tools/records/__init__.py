"""Reading vendors: records that said too little, and what was never sent. One vendor a file."""
